// Conversion between f32 and bfloat16, four values per thread. bfloat16 is held as its 16 bits.

__device__ __forceinline__ unsigned short half_of(float value) {
    unsigned int bits = __float_as_uint(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;        // NaN stays NaN
    return (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);  // to nearest, ties to even
}

__device__ __forceinline__ float single_of(unsigned short bits) {
    return __uint_as_float((unsigned int)bits << 16);
}

extern "C" __global__ void to_half(const float* from, unsigned short* to, unsigned long long count) {
    unsigned long long i = 4ull * ((unsigned long long)blockIdx.x * blockDim.x + threadIdx.x);
    if (i + 4 <= count) {
        float4 v = *(const float4*)(from + i);
        *(ushort4*)(to + i) = make_ushort4(half_of(v.x), half_of(v.y), half_of(v.z), half_of(v.w));
    } else {
        for (; i < count; i++) to[i] = half_of(from[i]);
    }
}

extern "C" __global__ void to_single(const unsigned short* from, float* to, unsigned long long count) {
    unsigned long long i = 4ull * ((unsigned long long)blockIdx.x * blockDim.x + threadIdx.x);
    if (i + 4 <= count) {
        ushort4 v = *(const ushort4*)(from + i);
        *(float4*)(to + i) = make_float4(single_of(v.x), single_of(v.y), single_of(v.z), single_of(v.w));
    } else {
        for (; i < count; i++) to[i] = single_of(from[i]);
    }
}
