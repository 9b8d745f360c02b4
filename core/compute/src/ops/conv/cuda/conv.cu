// Convolution on channels-last maps: the work around the matrix products; V neighbouring channels per thread.

struct Window { u32 size[3], stride[3], out[3]; };

#define CLOSED 255

// Patches of `count / (taps · in_channels / V)` rows from `first` on: to[row, tap, channel].
template <typename T, int V>
__device__ __forceinline__ void im2col(const T* map, T* to, const Shape& g, u64 first, u32 count) {
    u32 i = thread();
    if (i >= count) return;
    u32 chunks = g.in_channels / V, taps = g.kernel[0] * g.kernel[1] * g.kernel[2];
    u32 chunk = i % chunks, tap = i / chunks % taps;
    u64 row = first + i / chunks / taps;
    u32 positions = g.out[0] * g.out[1] * g.out[2], p = row % positions;
    u64 sample = row / positions;
    int x = (int)(p % g.out[2] * g.stride[2] + tap % g.kernel[2]) - (int)g.padding[2];
    int y = (int)(p / g.out[2] % g.out[1] * g.stride[1] + tap / g.kernel[2] % g.kernel[1]) - (int)g.padding[1];
    int t = (int)(p / g.out[2] / g.out[1] * g.stride[0] + tap / g.kernel[2] / g.kernel[1]) - (int)g.padding[0];
    Pack<T, V> v = {};
    if (t >= 0 && t < (int)g.in[0] && y >= 0 && y < (int)g.in[1] && x >= 0 && x < (int)g.in[2])
        v = take<T, V>(map + (((sample * g.in[0] + t) * g.in[1] + y) * g.in[2] + x) * g.in_channels + chunk * V);
    put<T, V>(to + (u64)i * V, v);
}

// The transpose of im2col as a gather: map[position, channel] = Σ over taps of columns[row, tap, channel], for
// whole samples.
extern "C" __global__ void col2im(const float* columns, float* map, Shape g, u32 count) {
    u32 i = thread();
    if (i >= count) return;
    u32 c = i % g.in_channels, p = i / g.in_channels, taps = g.kernel[0] * g.kernel[1] * g.kernel[2];
    u32 places = g.in[0] * g.in[1] * g.in[2];
    u64 sample = p / places;
    int at[3] = {(int)(p % places / g.in[2] / g.in[1]), (int)(p / g.in[2] % g.in[1]), (int)(p % g.in[2])};
    float sum = 0.0f;
    for (u32 tap = 0; tap < taps; tap++) {
        int k[3] = {(int)(tap / g.kernel[2] / g.kernel[1]), (int)(tap / g.kernel[2] % g.kernel[1]), (int)(tap % g.kernel[2])};
        u64 row = sample;
        bool inside = true;
        for (int a = 0; a < 3; a++) {
            int o = at[a] + (int)g.padding[a] - k[a];
            int step = (int)g.stride[a];
            inside = inside && o >= 0 && o % step == 0 && o / step < (int)g.out[a];
            row = row * g.out[a] + (inside ? o / step : 0);
        }
        if (inside) sum += columns[(row * taps + tap) * g.in_channels + c];
    }
    map[i] = sum;
}

// The tap through which output position p sees input position q, or -1.
__device__ __forceinline__ int tap_between(u32 p, u32 q, const Shape& g) {
    u32 to[3] = {p / g.out[2] / g.out[1], p / g.out[2] % g.out[1], p % g.out[2]};
    u32 from[3] = {q / g.in[2] / g.in[1], q / g.in[2] % g.in[1], q % g.in[2]};
    int tap = 0;
    for (int a = 0; a < 3; a++) {
        int k = (int)(from[a] + g.padding[a]) - (int)(to[a] * g.stride[a]);
        if (k < 0 || k >= (int)g.kernel[a]) return -1;
        tap = tap * g.kernel[a] + k;
    }
    return tap;
}

// The input position that output position p sees through a tap, or -1.
__device__ __forceinline__ int seen_through(u32 tap, u32 p, const Shape& g) {
    u32 to[3] = {p / g.out[2] / g.out[1], p / g.out[2] % g.out[1], p % g.out[2]};
    u32 by[3] = {tap / g.kernel[2] / g.kernel[1], tap / g.kernel[2] % g.kernel[1], tap % g.kernel[2]};
    int q = 0;
    for (int a = 0; a < 3; a++) {
        int at = (int)(to[a] * g.stride[a] + by[a]) - (int)g.padding[a];
        if (at < 0 || at >= (int)g.in[a]) return -1;
        q = q * g.in[a] + at;
    }
    return q;
}

// The convolution as one matrix: to[p, out, q, in] = weight[out, tap, in].
template <typename T, int V>
__device__ __forceinline__ void expand(const T* weight, T* to, const Shape& g, u32 count) {
    u32 i = thread();
    if (i >= count) return;
    u32 chunks = g.in_channels / V, places = g.in[0] * g.in[1] * g.in[2];
    u32 taps = g.kernel[0] * g.kernel[1] * g.kernel[2];
    u32 chunk = i % chunks, q = i / chunks % places, out = i / chunks / places % g.out_channels;
    int tap = tap_between(i / chunks / places / g.out_channels, q, g);
    Pack<T, V> v = {};
    if (tap >= 0) v = take<T, V>(weight + ((u64)out * taps + tap) * g.in_channels + chunk * V);
    put<T, V>(to + (u64)i * V, v);
}

// Its transpose: weight[out, tap, in] = Σ of from[p, out, q, in] over the p that see a q through the tap.
extern "C" __global__ void fold(const float* from, float* weight, Shape g, u32 count) {
    u32 i = thread();
    if (i >= count) return;
    u32 taps = g.kernel[0] * g.kernel[1] * g.kernel[2], in = i % g.in_channels;
    u32 tap = i / g.in_channels % taps, out = i / g.in_channels / taps;
    u32 places = g.in[0] * g.in[1] * g.in[2], positions = g.out[0] * g.out[1] * g.out[2];
    float sum = 0.0f;
    for (u32 p = 0; p < positions; p++) {
        int q = seen_through(tap, p, g);
        if (q >= 0) sum += from[(((u64)p * g.out_channels + out) * places + q) * g.in_channels + in];
    }
    weight[i] = sum;
}

// Bias, ReLU and max pool: raw[sample, position, out] to out[sample, pooled position, out], and the winner's place
// in its window (the first maximum), or CLOSED where ReLU is. `bias` and `codes` may be null.
template <typename T, int V>
__device__ __forceinline__ void pool(const T* raw, const float* bias, T* out, u8* codes, const Shape& g,
                                     const Window& w, int relu, u32 count) {
    u32 i = thread();
    if (i >= count) return;
    u32 chunks = g.out_channels / V, chunk = i % chunks, row = i / chunks;
    u32 pooled = w.out[0] * w.out[1] * w.out[2], p = row % pooled;
    u64 sample = row / pooled;
    u32 x0 = p % w.out[2] * w.stride[2], y0 = p / w.out[2] % w.out[1] * w.stride[1];
    u32 t0 = p / w.out[2] / w.out[1] * w.stride[0];
    float best[V], b[V];
    u8 winner[V];
    for (int v = 0; v < V; v++) {
        best[v] = __int_as_float(0xff800000);
        winner[v] = 0;
        b[v] = bias ? bias[chunk * V + v] : 0.0f;
    }
    u32 code = 0;
    for (u32 t = t0; t < t0 + w.size[0]; t++)
        for (u32 y = y0; y < y0 + w.size[1]; y++)
            for (u32 x = x0; x < x0 + w.size[2]; x++, code++) {
                u64 place = ((sample * g.out[0] + t) * g.out[1] + y) * g.out[2] + x;
                Pack<T, V> q = take<T, V>(raw + place * g.out_channels + chunk * V);
                for (int v = 0; v < V; v++) {
                    float value = widen(q.v[v]) + b[v];
                    if (value > best[v] || value != value) {
                        best[v] = value;
                        winner[v] = code;
                    }
                }
            }
    Pack<T, V> z;
    Pack<u8, V> won;
    for (int v = 0; v < V; v++) {
        bool closed = relu && best[v] <= 0.0f;
        narrow(closed ? 0.0f : best[v], z.v[v]);
        won.v[v] = closed ? CLOSED : winner[v];
    }
    put<T, V>(out + (u64)i * V, z);
    if (codes) put<u8, V>(codes + (u64)i * V, won);
}

// The post factor at every position of the convolution's output: at the pool's winners (`codes`), or where the
// output is positive (`marks`, if there is no pool but a ReLU).
template <typename T, int V>
__device__ __forceinline__ void unroute(const Post& post, const u8* codes, const T* marks, T* dense, const Shape& g,
                                        const Window& w, u32 count) {
    u32 i = thread();
    if (i >= count) return;
    u32 chunks = g.out_channels / V, c = i % chunks * V, row = i / chunks;
    u32 places = g.out[0] * g.out[1] * g.out[2], p = row % places;
    u64 sample = row / places;
    float sum[V] = {};
    if (codes) {
        u32 at[3] = {p / g.out[2] / g.out[1], p / g.out[2] % g.out[1], p % g.out[2]}, from[3], to[3];
        for (int a = 0; a < 3; a++) {
            from[a] = at[a] < w.size[a] ? 0 : (at[a] - w.size[a]) / w.stride[a] + 1;
            to[a] = min(at[a] / w.stride[a] + 1, w.out[a]);
        }
        for (u32 t = from[0]; t < to[0]; t++)
            for (u32 y = from[1]; y < to[1]; y++)
                for (u32 x = from[2]; x < to[2]; x++) {
                    u32 code = ((at[0] - t * w.stride[0]) * w.size[1] + at[1] - y * w.stride[1]) * w.size[2] + at[2] -
                               x * w.stride[2];
                    u64 window = ((sample * w.out[0] + t) * w.out[1] + y) * w.out[2] + x;
                    Pack<u8, V> won = take<u8, V>(codes + window * g.out_channels + c);
                    Pack<float, V> d = factor<V>(post, sample, window, g.out_channels, c);
                    for (int v = 0; v < V; v++)
                        if (won.v[v] == code) sum[v] += d.v[v];
                }
    } else {
        Pack<T, V> z = {};
        if (marks) z = take<T, V>(marks + (u64)row * g.out_channels + c);
        Pack<float, V> d = factor<V>(post, sample, row, g.out_channels, c);
        for (int v = 0; v < V; v++)
            if (!marks || widen(z.v[v]) > 0.0f) sum[v] = d.v[v];
    }
    Pack<T, V> made;
    for (int v = 0; v < V; v++) narrow(sum[v], made.v[v]);
    put<T, V>(dense + (u64)i * V, made);
}

// The same for adjacent windows of 2×2 that cover the map: one thread for all four positions of a window.
template <typename T, int V>
__device__ __forceinline__ void unroute_2x2(const Post& post, const u8* codes, T* dense, const Shape& g,
                                            const Window& w, u32 count) {
    u32 i = thread();
    if (i >= count) return;
    u32 chunks = g.out_channels / V, row = i / chunks, c = (i - row * chunks) * V;
    u32 line = row / w.out[2], x = row - line * w.out[2];  // lines of windows, over all samples
    Pack<float, V> d = factor<V>(post, row / (w.out[0] * w.out[1] * w.out[2]), row, g.out_channels, c);
    Pack<u8, V> won = take<u8, V>(codes + (u64)i * V);
    for (u32 code = 0; code < 4; code++) {
        Pack<T, V> made;
        for (int v = 0; v < V; v++) narrow(won.v[v] == code ? d.v[v] : 0.0f, made.v[v]);
        u64 place = (2ull * line + code / 2) * g.out[2] + 2 * x + code % 2;
        put<T, V>(dense + place * g.out_channels + c, made);
    }
}

// The values that one thread of bias_sums adds: `depth` pooled positions of each of some samples; a sample has
// `parts` such runs.
struct Slab { u32 samples, depth, parts; };

// sums[slab, channel] = Σ of the post factor over a slab, where it is open.
template <typename T>
__device__ __forceinline__ void bias_sums(const Post& post, const u8* codes, const T* marks, float* sums, u32 channels,
                                          u32 pooled, u32 samples, const Slab& slab, u32 count) {
    u32 i = thread();
    if (i >= count) return;
    u32 c = i % channels, group = i / channels / slab.parts, part = i / channels % slab.parts;
    u32 from = part * slab.depth, to = min(from + slab.depth, pooled);
    u32 first = group * slab.samples, last = min(first + slab.samples, samples);
    double sum = 0.0;  // the audit of locality sees a float's rounding
    for (u32 sample = first; sample < last; sample++) {
        u32 opened = 0;
        for (u32 p = from; p < to; p++) {
            u64 row = (u64)sample * pooled + p, at = row * channels + c;
            if (codes ? codes[at] == CLOSED : marks && !(widen(marks[at]) > 0.0f)) continue;
            if (post.per_sample) opened++;
            else sum += factor<1>(post, sample, row, channels, c).v[0];
        }
        if (post.per_sample) sum += opened * (double)factor<1>(post, sample, 0, channels, c).v[0];
    }
    sums[i] = sum;
}

#define FOR_VALUES(T, name)                                                                                       \
    extern "C" __global__ void im2col_##name##_4(const T* map, T* to, Shape g, u64 first, u32 count) {            \
        im2col<T, 4>(map, to, g, first, count);                                                                   \
    }                                                                                                             \
    extern "C" __global__ void im2col_##name##_1(const T* map, T* to, Shape g, u64 first, u32 count) {            \
        im2col<T, 1>(map, to, g, first, count);                                                                   \
    }                                                                                                             \
    extern "C" __global__ void expand_##name##_4(const T* weight, T* to, Shape g, u32 count) {                    \
        expand<T, 4>(weight, to, g, count);                                                                       \
    }                                                                                                             \
    extern "C" __global__ void expand_##name##_1(const T* weight, T* to, Shape g, u32 count) {                    \
        expand<T, 1>(weight, to, g, count);                                                                       \
    }                                                                                                             \
    extern "C" __global__ void pool_##name##_4(const T* raw, const float* bias, T* out, u8* codes, Shape g,       \
                                               Window w, int relu, u32 count) {                                   \
        pool<T, 4>(raw, bias, out, codes, g, w, relu, count);                                                     \
    }                                                                                                             \
    extern "C" __global__ void pool_##name##_1(const T* raw, const float* bias, T* out, u8* codes, Shape g,       \
                                               Window w, int relu, u32 count) {                                   \
        pool<T, 1>(raw, bias, out, codes, g, w, relu, count);                                                     \
    }                                                                                                             \
    extern "C" __global__ void unroute_##name##_4(Post post, const u8* codes, const T* marks, T* dense, Shape g,  \
                                                  Window w, u32 count) {                                          \
        unroute<T, 4>(post, codes, marks, dense, g, w, count);                                                    \
    }                                                                                                             \
    extern "C" __global__ void unroute_##name##_1(Post post, const u8* codes, const T* marks, T* dense, Shape g,  \
                                                  Window w, u32 count) {                                          \
        unroute<T, 1>(post, codes, marks, dense, g, w, count);                                                    \
    }                                                                                                             \
    extern "C" __global__ void unroute_2x2_##name##_4(Post post, const u8* codes, const T*, T* dense, Shape g,    \
                                                      Window w, u32 count) {                                      \
        unroute_2x2<T, 4>(post, codes, dense, g, w, count);                                                       \
    }                                                                                                             \
    extern "C" __global__ void unroute_2x2_##name##_1(Post post, const u8* codes, const T*, T* dense, Shape g,    \
                                                      Window w, u32 count) {                                      \
        unroute_2x2<T, 1>(post, codes, dense, g, w, count);                                                       \
    }                                                                                                             \
    extern "C" __global__ void bias_sums_##name(Post post, const u8* codes, const T* marks, float* sums,          \
                                                u32 channels, u32 pooled, u32 samples, Slab slab, u32 count) {    \
        bias_sums<T>(post, codes, marks, sums, channels, pooled, samples, slab, count);                           \
    }

FOR_VALUES(float, single)
FOR_VALUES(half_t, half)
