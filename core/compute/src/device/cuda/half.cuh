// bfloat16, held as its 16 bits.
typedef unsigned short half_t;

__device__ __forceinline__ half_t half_of(float value) {
    unsigned int bits = __float_as_uint(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;          // NaN stays NaN
    return (half_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);  // to nearest, ties to even
}

__device__ __forceinline__ float single_of(half_t bits) { return __uint_as_float((unsigned int)bits << 16); }

