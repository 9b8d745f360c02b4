// Element-wise operations, optimisers and pooling. One result a thread; f32 throughout.

typedef unsigned long long count_t;
typedef unsigned short half_t;  // bfloat16, held as its 16 bits

struct Adam { float rate, beta1, beta2, square_correction, epsilon, decay; };

// What one launch takes of tensors that Adam moves, and of single values that are added up.
#define MOST 16
struct Tensors {
    float* value[MOST];
    const float* update[MOST];
    float *mean[MOST], *square[MOST];
    count_t lengths[MOST];
    int count;
};
struct Singles { const float* at[MOST]; int count; };

// Axes of a map [time, location, batch, t, y, x, channel]; mode: 0 mean over y and x, 1 keep, 2 blocks of side².
struct Axes { unsigned int time, location, batch, t, y, x, channels, mode, side; };

__device__ __forceinline__ count_t thread() { return (count_t)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ __forceinline__ float read(const float* from, count_t i) { return from[i]; }
__device__ __forceinline__ float read(const half_t* from, count_t i) {
    return __uint_as_float((unsigned int)from[i] << 16);
}

extern "C" __global__ void add(float* a, float factor, const float* b, count_t count) {
    count_t i = thread();
    if (i < count) a[i] += factor * b[i];
}

extern "C" __global__ void scale(float* a, float factor, count_t count) {
    count_t i = thread();
    if (i < count) a[i] *= factor;
}

// to[slab, column] = sum of up to `depth` rows of from[row, column]
extern "C" __global__ void column_sums(const float* from, float* to, count_t rows, count_t columns,
                                       count_t slabs, count_t depth) {
    count_t i = thread();
    if (i >= slabs * columns) return;
    count_t column = i % columns, first = i / columns * depth;
    count_t last = first + depth < rows ? first + depth : rows;
    float sum = 0.0f;
    for (count_t row = first; row < last; row++) sum += from[row * columns + column];
    to[i] = sum;
}

// to[block] = sum of the block's `depth` values; blocks of 1024 threads.
extern "C" __global__ void sum(const float* from, float* to, count_t count, count_t depth) {
    count_t first = blockIdx.x * depth, last = first + depth < count ? first + depth : count;
    float own = 0.0f;
    for (count_t i = first + threadIdx.x; i < last; i += 1024) own += from[i];
    own = sum_of_block(own);
    if (threadIdx.x == 0) to[blockIdx.x] = own;
}

// to ← to + factor · Σ of single values.
extern "C" __global__ void add_singles(float* to, float factor, Singles from) {
    if (thread() > 0) return;
    float sum = 0.0f;
    for (int i = 0; i < from.count; i++) sum += *from.at[i];
    *to += factor * sum;
}

// A thread an element of all tensors in a row.
extern "C" __global__ void adam(Tensors of, Adam step) {
    count_t i = thread();
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
                               float decay, count_t count) {
    count_t i = thread();
    if (i >= count) return;
    float v = momentum * velocity[i] + (update[i] - decay * value[i]);
    velocity[i] = v;
    value[i] += rate * v;
}

// One value of the representation [time·t, location, batch, channel] from the map.
template <typename T>
__device__ __forceinline__ void pool(const T* map, float* out, Axes a, count_t count) {
    count_t i = thread();
    if (i >= count) return;
    count_t places = (count_t)a.y * a.x;
    unsigned int blocks_y = a.mode == 2 ? a.y / a.side : 1, blocks_x = a.mode == 2 ? a.x / a.side : 1;
    count_t wide = (count_t)a.channels * blocks_y * blocks_x, locations = a.mode == 1 ? a.location * places : a.location;
    count_t row = i / wide, column = i % wide;
    count_t batch = row % a.batch, location = row / a.batch % locations, step = row / a.batch / locations;
    unsigned int first_y = 0, first_x = 0, high = a.y, broad = a.x;
    count_t channel = column;
    if (a.mode == 1) {
        count_t place = location % places;
        location /= places;
        first_y = place / a.x;
        first_x = place % a.x;
        high = broad = 1;
    } else if (a.mode == 2) {
        channel = column / (blocks_y * blocks_x);
        count_t block = column % (blocks_y * blocks_x);
        first_y = block / blocks_x * a.side;
        first_x = block % blocks_x * a.side;
        high = broad = a.side;
    }
    count_t sample = ((step / a.t) * a.location + location) * a.batch + batch;
    count_t base = (sample * a.t + step % a.t) * places;
    float sum = 0.0f;
    for (unsigned int y = first_y; y < first_y + high; y++)
        for (unsigned int x = first_x; x < first_x + broad; x++)
            sum += read(map, (base + (count_t)y * a.x + x) * a.channels + channel);
    out[i] = sum * (1.0f / (float)(high * broad));
}

extern "C" __global__ void pool_single(const float* map, float* out, Axes a, count_t count) {
    pool(map, out, a, count);
}

extern "C" __global__ void pool_half(const half_t* map, float* out, Axes a, count_t count) {
    pool(map, out, a, count);
}

// One value of the map: what the representation's factor gives it. Positions past the last whole block get 0.
extern "C" __global__ void spread(const float* factor, float* out, Axes a, count_t count) {
    count_t i = thread();
    if (i >= count) return;
    count_t places = (count_t)a.y * a.x;
    count_t channel = i % a.channels, place = i / a.channels;
    unsigned int x = place % a.x, y = place / a.x % a.y, t = place / places % a.t;
    count_t sample = place / places / a.t;
    count_t batch = sample % a.batch, location = sample / a.batch % a.location, time = sample / a.batch / a.location;
    count_t step = time * a.t + t, wide = a.channels, column = channel, locations = a.location;
    float weight = 1.0f;
    if (a.mode == 0) {
        weight = 1.0f / (float)places;
    } else if (a.mode == 1) {
        locations *= places;
        location = location * places + (count_t)y * a.x + x;
    } else {
        unsigned int blocks_y = a.y / a.side, blocks_x = a.x / a.side, by = y / a.side, bx = x / a.side;
        if (by >= blocks_y || bx >= blocks_x) {
            out[i] = 0.0f;
            return;
        }
        wide *= blocks_y * blocks_x;
        column = channel * blocks_y * blocks_x + by * blocks_x + bx;
        weight = 1.0f / (float)(a.side * a.side);
    }
    out[i] = weight * factor[((step * locations + location) * a.batch + batch) * wide + column];
}
