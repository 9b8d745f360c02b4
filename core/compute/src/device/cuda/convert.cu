// Conversion between f32 and bfloat16, four values per thread.

extern "C" __global__ void to_half(const float* from, half_t* to, unsigned long long count) {
    unsigned long long i = 4ull * ((unsigned long long)blockIdx.x * blockDim.x + threadIdx.x);
    if (i + 4 <= count) {
        float4 v = *(const float4*)(from + i);
        *(ushort4*)(to + i) = make_ushort4(half_of(v.x), half_of(v.y), half_of(v.z), half_of(v.w));
    } else {
        for (; i < count; i++) to[i] = half_of(from[i]);
    }
}

extern "C" __global__ void to_single(const half_t* from, float* to, unsigned long long count) {
    unsigned long long i = 4ull * ((unsigned long long)blockIdx.x * blockDim.x + threadIdx.x);
    if (i + 4 <= count) {
        ushort4 v = *(const ushort4*)(from + i);
        *(float4*)(to + i) = make_float4(single_of(v.x), single_of(v.y), single_of(v.z), single_of(v.w));
    } else {
        for (; i < count; i++) to[i] = single_of(from[i]);
    }
}
