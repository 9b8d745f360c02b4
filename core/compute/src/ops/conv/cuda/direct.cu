// Convolutions with few inputs per output: K, which is defined before this source.

// A position of the output over all samples, as digits, which can be added without a division.
struct Place { u32 sample, t, y, x; };

__device__ __forceinline__ Place place_of(u32 row, const Shape& g) {
    u32 y = row / g.out[2], t = y / g.out[1], sample = t / g.out[0];
    return {sample, t - sample * g.out[0], y - t * g.out[1], row - y * g.out[2]};
}
__device__ __forceinline__ void advance(Place& at, const Place& by, const Shape& g) {
    at.x += by.x;
    at.y += by.y;
    at.t += by.t;
    at.sample += by.sample;
    if (at.x >= g.out[2]) { at.x -= g.out[2]; at.y++; }
    if (at.y >= g.out[1]) { at.y -= g.out[1]; at.t++; }
    if (at.t >= g.out[0]) { at.t -= g.out[0]; at.sample++; }
}

// The places of the K inputs of an output position: steps along the axes, and the offset in values of the map.
struct Taps { int t[K], y[K], x[K], step[K]; };

__device__ __forceinline__ void list_taps(Taps& taps, const Shape& g) {
    for (u32 k = threadIdx.x; k < K; k += blockDim.x) {
        u32 tap = k / g.in_channels;
        int x = (int)(tap % g.kernel[2]) - (int)g.padding[2];
        int y = (int)(tap / g.kernel[2] % g.kernel[1]) - (int)g.padding[1];
        int t = (int)(tap / g.kernel[2] / g.kernel[1]) - (int)g.padding[0];
        taps.x[k] = x;
        taps.y[k] = y;
        taps.t[k] = t;
        taps.step[k] = ((t * (int)g.in[1] + y) * (int)g.in[2] + x) * (int)g.in_channels + (int)(k % g.in_channels);
    }
    __syncthreads();
}

__device__ __forceinline__ void gather(const float* map, const Taps& taps, const Shape& g, const Place& at,
                                       float* in) {
    u32 x = at.x * g.stride[2], y = at.y * g.stride[1], t = at.t * g.stride[0];
    const float* from = map + ((((u64)at.sample * g.in[0] + t) * g.in[1] + y) * g.in[2] + x) * g.in_channels;
#pragma unroll
    for (int k = 0; k < K; k++) {
        // As an unsigned number, a place before the map is also past its end.
        bool inside = t + taps.t[k] < g.in[0] && y + taps.y[k] < g.in[1] && x + taps.x[k] < g.in[2];
        in[k] = inside ? from[taps.step[k]] : 0.0f;
    }
}

// Threads of a block of the next two kernels: a multiple of out_channels / 4, so that each has four channels throughout.
#define DIRECT_THREADS 256

// Convolution, bias and ReLU. weight[out, K].
template <typename T>
__device__ __forceinline__ void direct(const float* map, const float* weight, const float* bias, T* out, const Shape& g,
                                       int relu, u32 rows) {
    __shared__ Taps taps;
    list_taps(taps, g);
    u32 chunks = g.out_channels / 4, c = threadIdx.x % chunks * 4, lanes = DIRECT_THREADS / chunks;
    float w[K][4], b[4];
    for (int v = 0; v < 4; v++) {
        b[v] = bias[c + v];
#pragma unroll
        for (int k = 0; k < K; k++) w[k][v] = weight[(c + v) * K + k];
    }
    u32 row = blockIdx.x * lanes + threadIdx.x / chunks;
    Place at = place_of(row, g), by = place_of(gridDim.x * lanes, g);
    for (; row < rows; row += gridDim.x * lanes, advance(at, by, g)) {
        float in[K];
        gather(map, taps, g, at, in);
        Pack<T, 4> z;
#pragma unroll
        for (int v = 0; v < 4; v++) {
            float sum = b[v];
#pragma unroll
            for (int k = 0; k < K; k++) sum += w[k][v] * in[k];
            narrow(relu && sum <= 0.0f ? 0.0f : sum, z.v[v]); // not fmaxf, which hides a NaN
        }
        put<T, 4>(out + (u64)row * g.out_channels + c, z);
    }
}

// Outer product of a layer without a pool: parts[block, K + 1, out], the bias last; `depth` rows a block.
template <typename T>
__device__ __forceinline__ void direct_outer(const float* map, const Post& post, const T* marks, float* parts,
                                             const Shape& g, u32 rows, u32 depth) {
    __shared__ Taps taps;
    __shared__ float of_lanes[4 * DIRECT_THREADS];
    list_taps(taps, g);
    u32 chunks = g.out_channels / 4, c = threadIdx.x % chunks * 4, lanes = DIRECT_THREADS / chunks;
    u32 row = blockIdx.x * depth + threadIdx.x / chunks, last = min(blockIdx.x * depth + depth, rows);
    Place at = place_of(row, g), by = place_of(lanes, g);
    u32 held = ~0u;
    Pack<float, 4> d = {};
    float sum[K + 1][4] = {};
    for (; row < last; row += lanes, advance(at, by, g)) {
        if (!post.per_sample || at.sample != held) d = factor<4>(post, at.sample, row, g.out_channels, c);
        held = at.sample;
        float in[K];
        gather(map, taps, g, at, in);
        Pack<T, 4> z = {};
        if (marks) z = take<T, 4>(marks + (u64)row * g.out_channels + c);
#pragma unroll
        for (int v = 0; v < 4; v++) {
            float open = !marks || widen(z.v[v]) > 0.0f ? d.v[v] : 0.0f;
#pragma unroll
            for (int k = 0; k < K; k++) sum[k][v] += open * in[k];
            sum[K][v] += open;
        }
    }
#pragma unroll
    for (int k = 0; k <= K; k++) {
        for (int v = 0; v < 4; v++) of_lanes[4 * threadIdx.x + v] = sum[k][v];
        __syncthreads();
        for (u32 o = threadIdx.x; o < g.out_channels; o += DIRECT_THREADS) {
            float total = 0.0f;
            for (u32 lane = 0; lane < lanes; lane++) total += of_lanes[lane * g.out_channels + o];
            parts[((u64)blockIdx.x * (K + 1) + k) * g.out_channels + o] = total;
        }
        __syncthreads();
    }
}

// weight[out, K] and bias[out] from sums[K + 1, out].
extern "C" __global__ void part_weight_and_bias(const float* sums, float* weight, float* bias, u32 k, u32 count) {
    u32 i = thread();
    if (i >= count) return;
    u32 channels = count / (k + 1), out = i % channels, at = i / channels;
    if (at < k) weight[out * k + at] = sums[i];
    else bias[out] = sums[i];
}

#define FOR_VALUES(T, name)                                                                                             \
    extern "C" __global__ void __launch_bounds__(DIRECT_THREADS)                                                        \
        direct_##name(const float* map, const float* weight, const float* bias, T* out, Shape g, int relu, u32 rows) {  \
        direct<T>(map, weight, bias, out, g, relu, rows);                                                               \
    }                                                                                                                   \
    extern "C" __global__ void __launch_bounds__(DIRECT_THREADS)                                                        \
        direct_outer_##name(const float* map, Post post, const T* marks, float* parts, Shape g, u32 rows, u32 depth) {  \
        direct_outer<T>(map, post, marks, parts, g, rows, depth);                                                       \
    }

FOR_VALUES(float, single)
FOR_VALUES(half_t, half)
