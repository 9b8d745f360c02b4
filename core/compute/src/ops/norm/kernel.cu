// Batch normalisation over rows of channels.

// parts[slab, channel] = Σ over `depth` rows of (x − μ)², or, where d is given, of d · (x − μ) · inverse.
extern "C" __global__ void norm_sums(const float* x, const float* d, const float* mean, const float* variance,
                                     float epsilon, float* parts, u64 rows, u32 channels, u32 depth, u64 count) {
    u64 i = thread();
    if (i >= count) return;
    u32 c = i % channels;
    u64 first = i / channels * depth, last = first + depth < rows ? first + depth : rows;
    float m = mean[c], inverse = d ? 1.0f / sqrtf(variance[c] + epsilon) : 0.0f, sum = 0.0f;
    for (u64 row = first; row < last; row++) {
        float centred = x[row * channels + c] - m;
        sum += d ? d[row * channels + c] * centred * inverse : centred * centred;
    }
    parts[i] = sum;
}

extern "C" __global__ void norm_apply(const float* x, const float* mean, const float* variance, const float* weight,
                                      const float* bias, float epsilon, float* out, u32 channels, u64 count) {
    u64 i = thread();
    if (i >= count) return;
    u32 c = i % channels;
    out[i] = (x[i] - mean[c]) * (weight[c] / sqrtf(variance[c] + epsilon)) + bias[c];
}

extern "C" __global__ void norm_backward(const float* x, const float* d, const float* mean, const float* variance,
                                         const float* weight, const float* d_weight, const float* d_bias, float epsilon,
                                         float* out, float share, u32 channels, u64 count) {
    u64 i = thread();
    if (i >= count) return;
    u32 c = i % channels;
    float inverse = 1.0f / sqrtf(variance[c] + epsilon), normed = (x[i] - mean[c]) * inverse;
    out[i] = weight[c] * inverse * (d[i] - d_bias[c] * share - normed * d_weight[c] * share);
}
