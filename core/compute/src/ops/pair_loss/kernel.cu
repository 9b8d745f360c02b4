// The built-in contrasts: γ of every pair, and parts of the loss.

// The column of the row's fixation.
__device__ __forceinline__ u32 fixation(u32 row, int all) { return all ? row : 0; }

// γ = (1[fixation] − π) / rows and the row's share of −mean log π⁺: one warp per row.
extern "C" __global__ void softmax(const float* u, float* gamma, float* loss, u32 rows, u32 columns, int all) {
    u64 row = thread() / 32;
    u32 lane = threadIdx.x % 32;
    if (row >= rows) return;
    const float* from = u + row * columns;
    float most = __int_as_float(0xff800000), sum = 0.0f, share = 1.0f / (float)rows;
    for (u32 i = lane; i < columns; i += 32) most = fmaxf(most, from[i]);
    for (u32 half = 16; half > 0; half /= 2) most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, half));
    for (u32 i = lane; i < columns; i += 32) sum += expf(from[i] - most);
    for (u32 half = 16; half > 0; half /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, half);
    u32 own = fixation(row, all);
    for (u32 i = lane; i < columns; i += 32)
        gamma[row * columns + i] = (i == own ? share : 0.0f) - expf(from[i] - most) / sum * share;
    if (lane == 0) loss[row] = share * (most + logf(sum) - from[own]);
}

// A loss that treats each pair separately: hinge (kind 0) or logistic (1). A block of 1024 threads
// handles `depth` pairs; their sum is loss[block]. `signs` (1 fixation, 0 saccade, one a row of a
// period) may be null; plus and minus are 1 / the number of fixations and of saccades.
extern "C" __global__ void pairwise(const float* u, const u32* signs, float* gamma, float* loss, u32 columns,
                                    u32 period, int all, int kind, float weight, int gate, int sign, float plus,
                                    float minus, u64 count, u64 depth) {
    u64 first = blockIdx.x * depth, last = first + depth < count ? first + depth : count;
    float own = 0.0f;
    for (u64 i = first + threadIdx.x; i < last; i += 1024) {
        u32 row = i / columns;
        bool fixed = i % columns == fixation(row, all);
        float y = fixed ? 1.0f : -1.0f, share = fixed ? plus : minus, pair = 0.0f, strength = 0.0f;
        if (!signs || (signs[row % period] != 0) == fixed) {
            float yu = y * u[i];
            if (kind == 0) {
                pair = weight * (yu >= 1.0f ? 0.0f : 1.0f - yu); // not fmaxf, which hides a NaN
                strength = 1.0f - yu > 0.0f || !gate ? weight : 0.0f;
            } else {
                pair = fmaxf(-yu, 0.0f) + log1pf(expf(-fabsf(yu)));
                strength = 1.0f / (1.0f + expf(yu));
            }
        }
        own += share * pair;
        gamma[i] = share * strength * (sign ? y : 1.0f);
    }
    own = sum_of_block(own);
    if (threadIdx.x == 0) loss[blockIdx.x] = own;
}
