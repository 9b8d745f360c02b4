// Sampled pairs: dots with raw rows and sums of raw rows, with no copies of vectors.
// The lists of pairs by target row are sorted, so that sums run in one order.

// The target row of the row's saccade n: index is [period, count], and holds for every run of `period` rows.
__device__ __forceinline__ u32 saccade(const u32* index, u32 row, u32 period, u32 count, u32 n) {
    u32 place = row % period;
    return row - place + index[(u64)place * count + n];
}

// u[row, 0] = P_row · Z_row, u[row, 1 + n] = P_row · Z of the row's saccade n: one warp per pair.
extern "C" __global__ void pair_scores(const float* prediction, const float* target, const u32* index, float* u,
                                       u32 rows, u32 period, u32 count, u32 width) {
    u64 pair = thread() / 32;
    u32 lane = threadIdx.x % 32, columns = 1 + count;
    if (pair >= (u64)rows * columns) return;
    u32 row = pair / columns, n = pair % columns, other = n == 0 ? row : saccade(index, row, period, count, n - 1);
    const float *p = prediction + (u64)row * width, *z = target + (u64)other * width;
    float sum = 0.0f;
    for (u32 i = lane; i < width; i += 32) sum += p[i] * z[i];
    for (u32 half = 16; half > 0; half /= 2) sum += __shfl_down_sync(0xffffffffu, sum, half);
    if (lane == 0) u[pair] = sum;
}

// out[row] = Σ over the row's pairs of γ · Z: one block per row.
extern "C" __global__ void pair_gather(const float* gamma, const float* target, const u32* index, float* out,
                                       u32 period, u32 count, u32 width) {
    u32 row = blockIdx.x;
    const float* g = gamma + (u64)row * (1 + count);
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        float sum = g[0] * target[(u64)row * width + i];
        for (u32 n = 0; n < count; n++) {
            float factor = g[1 + n];
            if (factor != 0.0f) sum += factor * target[(u64)saccade(index, row, period, count, n) * width + i];
        }
        out[(u64)row * width + i] = sum;
    }
}

// How many saccades of a period go to each of its rows.
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

// The saccades to each row, in any order.
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

// The largest number of pairs of a period that a block searches for its row without lists.
#define FEW 1024

// out[row] = Σ γ · P over the pairs with target row `row`: one block per row. The period's pairs are listed
// by target. If `starts` is null, there are at most FEW pairs, and the block's first warp finds the pairs of
// its row.
extern "C" __global__ void pair_targets(const float* gamma, const float* prediction, const u32* index, const u32* starts,
                                        const u32* list, float* out, u32 period, u32 count, u32 width) {
    __shared__ u32 found[FEW], many;
    u32 row = blockIdx.x, place = row % period;
    if (starts) {
        list += starts[place];
        if (threadIdx.x == 0) many = starts[place + 1] - starts[place];
    } else {
        list = found;
        if (threadIdx.x < 32) {
            u32 before = 0;
            for (u32 first = 0; first < period * count; first += 32) {
                u32 pair = first + threadIdx.x;
                bool own = pair < period * count && index[pair] == place;
                u32 all = __ballot_sync(0xffffffffu, own);
                if (own) found[before + __popc(all & ((1u << threadIdx.x) - 1))] = pair;
                before += __popc(all);
            }
            if (threadIdx.x == 0) many = before;
        }
    }
    __syncthreads();
    float fixation = gamma[(u64)row * (1 + count)];
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        float sum = fixation * prediction[(u64)row * width + i];
        for (u32 at = 0; at < many; at++) {
            u32 pair = list[at], context = row - place + pair / count, n = pair % count;
            float factor = gamma[(u64)context * (1 + count) + 1 + n];
            if (factor != 0.0f) sum += factor * prediction[(u64)context * width + i];
        }
        out[(u64)row * width + i] = sum;
    }
}
