// Sums and multiples. One result per thread; f32 throughout.

// The largest number of single values in one launch.
#define MOST 16
struct Singles { const float* at[MOST]; int count; };

extern "C" __global__ void add(float* a, float factor, const float* b, u64 count) {
    u64 i = thread();
    if (i < count) a[i] += factor * b[i];
}

extern "C" __global__ void scale(float* a, float factor, u64 count) {
    u64 i = thread();
    if (i < count) a[i] *= factor;
}

// to[slab, column] = sum of up to `depth` rows of from[row, column]
extern "C" __global__ void column_sums(const float* from, float* to, u64 rows, u64 columns,
                                       u64 slabs, u64 depth) {
    u64 i = thread();
    if (i >= slabs * columns) return;
    u64 column = i % columns, first = i / columns * depth;
    u64 last = first + depth < rows ? first + depth : rows;
    float sum = 0.0f;
    for (u64 row = first; row < last; row++) sum += from[row * columns + column];
    to[i] = sum;
}

// to[block] = sum of the block's `depth` values; blocks of 1024 threads.
extern "C" __global__ void sum(const float* from, float* to, u64 count, u64 depth) {
    u64 first = blockIdx.x * depth, last = first + depth < count ? first + depth : count;
    float own = 0.0f;
    for (u64 i = first + threadIdx.x; i < last; i += 1024) own += from[i];
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

extern "C" __global__ void products(const float* a, const float* b, float* to, u64 count) {
    u64 i = thread();
    if (i < count) to[i] = a[i] * b[i];
}

// max(x, 0); NaN stays NaN.
extern "C" __global__ void relu(const float* x, float* to, u64 count) {
    u64 i = thread();
    if (i < count) to[i] = x[i] < 0.0f ? 0.0f : x[i];
}

// factor · [x > 0]
extern "C" __global__ void gate(const float* factor, const float* x, float* to, u64 count) {
    u64 i = thread();
    if (i < count) to[i] = x[i] > 0.0f ? factor[i] : 0.0f;
}

// to[outer, factor, inner] = factor · a[outer, factor, inner]
extern "C" __global__ void scale_each(const float* a, const float* factors, float* to, u64 number,
                                      u64 inner, u64 count) {
    u64 i = thread();
    if (i < count) to[i] = a[i] * factors[i / inner % number];
}
