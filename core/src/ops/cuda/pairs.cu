// Sampled pairs: dots with raw rows and sums of raw rows, with no copies of vectors; and the built-in contrasts.
// The lists of pairs by target row are sorted, so that sums run in one order.

typedef unsigned int u32;
typedef unsigned long long u64;

__device__ __forceinline__ u64 thread() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }

// u[row, 0] = P_row · Z_row, u[row, 1 + n] = P_row · Z_index[row, n]: a warp a pair.
extern "C" __global__ void pair_scores(const float* prediction, const float* target, const u32* index, float* u,
                                       u32 rows, u32 count, u32 width) {
    u64 pair = thread() / 32;
    u32 lane = threadIdx.x % 32, columns = 1 + count;
    if (pair >= (u64)rows * columns) return;
    u32 row = pair / columns, n = pair % columns, other = n == 0 ? row : index[(u64)row * count + n - 1];
    const float *p = prediction + (u64)row * width, *z = target + (u64)other * width;
    float sum = 0.0f;
    for (u32 i = lane; i < width; i += 32) sum += p[i] * z[i];
    for (u32 half = 16; half > 0; half /= 2) sum += __shfl_down_sync(0xffffffffu, sum, half);
    if (lane == 0) u[pair] = sum;
}

// out[row] = Σ over the row's pairs of γ · Z: a block a row.
extern "C" __global__ void pair_gather(const float* gamma, const float* target, const u32* index, float* out, u32 count,
                                       u32 width) {
    u32 row = blockIdx.x;
    const float* g = gamma + (u64)row * (1 + count);
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        float sum = g[0] * target[(u64)row * width + i];
        for (u32 n = 0; n < count; n++) {
            float factor = g[1 + n];
            if (factor != 0.0f) sum += factor * target[(u64)index[(u64)row * count + n] * width + i];
        }
        out[(u64)row * width + i] = sum;
    }
}

// How many saccades go to each target row.
extern "C" __global__ void pair_count(const u32* index, u32* counts, u64 pairs) {
    u64 i = thread();
    if (i < pairs) atomicAdd(counts + index[i], 1u);
}

// starts[row] = Σ counts before it, and the same in `next`; starts[rows] = the total. One block of 1024.
extern "C" __global__ void pair_starts(const u32* counts, u32* starts, u32* next, u32 rows) {
    __shared__ u32 sums[1024];
    u32 depth = (rows + 1023) / 1024, first = threadIdx.x * depth, last = min(first + depth, rows), sum = 0;
    for (u32 row = first; row < last; row++) sum += counts[row];
    sums[threadIdx.x] = sum;
    __syncthreads();
    for (u32 step = 1; step < 1024; step *= 2) {
        u32 before = threadIdx.x >= step ? sums[threadIdx.x - step] : 0;
        __syncthreads();
        sums[threadIdx.x] += before;
        __syncthreads();
    }
    u32 at = sums[threadIdx.x] - sum;
    for (u32 row = first; row < last; row++) {
        starts[row] = next[row] = at;
        at += counts[row];
    }
    if (threadIdx.x == 1023) starts[rows] = sums[1023];
}

// The saccades of each target row, in any order.
extern "C" __global__ void pair_list(const u32* index, u32* next, u32* list, u64 pairs) {
    u64 i = thread();
    if (i < pairs) list[atomicAdd(next + index[i], 1u)] = i;
}

// The same in ascending order.
extern "C" __global__ void pair_sort(const u32* starts, u32* list, u32 rows) {
    u64 row = thread();
    if (row >= rows) return;
    u32 first = starts[row], last = starts[row + 1];
    for (u32 i = first + 1; i < last; i++) {
        u32 pair = list[i], to = i;
        for (; to > first && list[to - 1] > pair; to--) list[to] = list[to - 1];
        list[to] = pair;
    }
}

// out[row] = Σ over the pairs in which target row `row` stands of γ · P: a block a row.
extern "C" __global__ void pair_targets(const float* gamma, const float* prediction, const u32* starts, const u32* list,
                                        float* out, u32 count, u32 width) {
    u32 row = blockIdx.x, first = starts[row], last = starts[row + 1];
    float own = gamma[(u64)row * (1 + count)];
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        float sum = own * prediction[(u64)row * width + i];
        for (u32 at = first; at < last; at++) {
            u32 pair = list[at], context = pair / count, n = pair % count;
            float factor = gamma[(u64)context * (1 + count) + 1 + n];
            if (factor != 0.0f) sum += factor * prediction[(u64)context * width + i];
        }
        out[(u64)row * width + i] = sum;
    }
}

// to[i] = from[index[i]], or to[index[i]] = from[i], row by row.
extern "C" __global__ void take_rows(const float* from, const u32* index, float* to, u32 width, u64 count) {
    u64 i = thread();
    if (i < count) to[i] = from[(u64)index[i / width] * width + i % width];
}

extern "C" __global__ void put_rows(const float* from, const u32* index, float* to, u32 width, u64 count) {
    u64 i = thread();
    if (i < count) to[(u64)index[i / width] * width + i % width] = from[i];
}

// [outer, second, first, width] from [outer, first, second, width].
extern "C" __global__ void swap_axes(const float* from, float* to, u32 first, u32 second, u32 width, u64 count) {
    u64 i = thread();
    if (i >= count) return;
    u64 w = i % width, f = i / width % first, s = i / width / first % second, o = i / width / first / second;
    to[i] = from[((o * first + f) * second + s) * width + w];
}

// Which pair is the row's fixation.
__device__ __forceinline__ u32 fixation(u32 row, int all) { return all ? row : 0; }

// γ = (1[fixation] − π) / rows and the row's share of −mean log π⁺: a warp a row.
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

// A loss that treats each pair alone: hinge (kind 0) or logistic (1). `signs` (1 fixation, 0 saccade) may be null;
// plus and minus are 1 / the number of fixations and of saccades.
extern "C" __global__ void pairwise(const float* u, const u32* signs, float* gamma, float* loss, u32 columns, int all,
                                    int kind, float weight, int gate, int sign, float plus, float minus, u64 count) {
    u64 i = thread();
    if (i >= count) return;
    u32 row = i / columns;
    bool fixed = i % columns == fixation(row, all);
    float y = fixed ? 1.0f : -1.0f, share = fixed ? plus : minus, pair = 0.0f, strength = 0.0f;
    if (!signs || (signs[row] != 0) == fixed) {
        float yu = y * u[i];
        if (kind == 0) {
            pair = weight * (yu >= 1.0f ? 0.0f : 1.0f - yu); // not fmaxf, which hides a NaN
            strength = 1.0f - yu > 0.0f || !gate ? weight : 0.0f;
        } else {
            pair = fmaxf(-yu, 0.0f) + log1pf(expf(-fabsf(yu)));
            strength = 1.0f / (1.0f + expf(yu));
        }
    }
    loss[i] = share * pair;
    gamma[i] = share * strength * (sign ? y : 1.0f);
}
