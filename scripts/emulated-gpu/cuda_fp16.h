// Half precision as dfdx's kernels use it, in place of CUDA's header of this name.
#pragma once

typedef _Float16 __half;

inline float __half2float(__half v) { return v; }
inline __half __float2half(float v) { return v; }
inline unsigned short __half_as_ushort(__half v) { return bits_as<unsigned short>(v); }
inline __half __ushort_as_half(unsigned short v) { return bits_as<__half>(v); }
inline bool __hisnan(__half v) { return v != v; }
inline __half __habs(__half v) { return fabsf(v); }
inline __half __hmax_nan(__half a, __half b) { return a != a || a > b ? a : b; }
inline __half __hmin_nan(__half a, __half b) { return a != a || a < b ? a : b; }
inline __half hcos(__half v) { return cosf(v); }
inline __half hsin(__half v) { return sinf(v); }
inline __half hsqrt(__half v) { return sqrtf(v); }
inline __half hlog(__half v) { return logf(v); }
inline __half hexp(__half v) { return expf(v); }
