// What kernels on channels-last maps share. A map's values are f32 or bfloat16.

typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned char u8;

struct Shape { u32 samples, in[3], in_channels, out[3], out_channels, kernel[3], stride[3], padding[3]; };
// A post factor: one a sample or one a pooled position, f32 or bfloat16; and what it is multiplied by.
struct Post { const void* values; int per_sample, half; float share; };

template <typename T> struct Quad {};
template <> struct Quad<float> { typedef float4 type; };
template <> struct Quad<half_t> { typedef ushort4 type; };
template <> struct Quad<u8> { typedef uchar4 type; };

__device__ __forceinline__ float widen(float v) { return v; }
__device__ __forceinline__ float widen(half_t v) { return single_of(v); }
__device__ __forceinline__ void narrow(float v, float& to) { to = v; }
__device__ __forceinline__ void narrow(float v, half_t& to) { to = half_of(v); }

// V raw values in one access.
template <typename T, int V> struct Pack { T v[V]; };
template <typename T, int V> __device__ __forceinline__ Pack<T, V> take(const T* from) {
    Pack<T, V> p;
    if constexpr (V == 4) {
        typename Quad<T>::type q = *(const typename Quad<T>::type*)from;
        p.v[0] = q.x; p.v[1] = q.y; p.v[2] = q.z; p.v[3] = q.w;
    } else {
        for (int v = 0; v < V; v++) p.v[v] = from[v];
    }
    return p;
}
template <typename T, int V> __device__ __forceinline__ void put(T* to, const Pack<T, V>& p) {
    if constexpr (V == 4) {
        typename Quad<T>::type q;
        q.x = p.v[0]; q.y = p.v[1]; q.z = p.v[2]; q.w = p.v[3];
        *(typename Quad<T>::type*)to = q;
    } else {
        for (int v = 0; v < V; v++) to[v] = p.v[v];
    }
}

__device__ __forceinline__ u32 thread() { return blockIdx.x * blockDim.x + threadIdx.x; }

// The post factor of V channels from `c` on at pooled row `row`.
template <int V>
__device__ __forceinline__ Pack<float, V> factor(const Post& post, u64 sample, u64 row, u32 channels, u32 c) {
    u64 at = (post.per_sample ? sample : row) * channels + c;
    Pack<float, V> d;
    if (post.half) {
        Pack<half_t, V> raw = take<half_t, V>((const half_t*)post.values + at);
        for (int v = 0; v < V; v++) d.v[v] = widen(raw.v[v]);
    } else {
        d = take<float, V>((const float*)post.values + at);
    }
    for (int v = 0; v < V; v++) d.v[v] *= post.share;
    return d;
}

