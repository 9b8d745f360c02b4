// Optimisers. One element per thread; f32 throughout.

struct Adam { float rate, beta1, beta2, square_correction, epsilon, decay; };

// The largest number of tensors in one launch of Adam.
#define MOST 16
struct Tensors {
    float* value[MOST];
    const float* update[MOST];
    float *mean[MOST], *square[MOST];
    u64 lengths[MOST];
    int count;
};

// One thread for each element of all tensors.
extern "C" __global__ void adam(Tensors of, Adam step) {
    u64 i = thread();
    int at = 0;
    while (at < of.count && i >= of.lengths[at]) i -= of.lengths[at++];
    if (at == of.count) return;
    float *value = of.value[at], *mean = of.mean[at], *square = of.square[at];
    float w = value[i], g = of.update[at][i] - step.decay * w;
    float m = step.beta1 * mean[i] + (1.0f - step.beta1) * g;
    float v = step.beta2 * square[i] + (1.0f - step.beta2) * g * g;
    mean[i] = m;
    square[i] = v;
    value[i] = w + step.rate * m / (sqrtf(v) * step.square_correction + step.epsilon);
}

extern "C" __global__ void sgd(float* value, const float* update, float* velocity, float rate, float momentum,
                               float decay, u64 count) {
    u64 i = thread();
    if (i >= count) return;
    float v = momentum * velocity[i] + (update[i] - decay * value[i]);
    velocity[i] = v;
    value[i] += rate * v;
}
