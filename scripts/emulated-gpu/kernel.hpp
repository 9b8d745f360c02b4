// What CUDA C++ has beyond C++, for kernels that are compiled for the CPU: included ahead of their source.
#pragma once
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <type_traits>
#include <utility>

#define __launch_bounds__(...)
#define __device__
#define __forceinline__ inline
#define __shared__ static  // one block runs at a time

struct uint3 { unsigned x, y, z; };
extern uint3 threadIdx, blockIdx, blockDim, gridDim;

void __syncthreads();
unsigned emulated_lane();
const unsigned EVERY_LANE = 32;  // as the source of a shuffle: one bit of each lane, whether it gives more than 0
uint64_t emulated_shuffle(unsigned mask, uint64_t bits, unsigned source);

template <class To, class From> To bits_as(From from) {
    static_assert(sizeof(To) == sizeof(From), "the same bits as another type");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}
inline float __int_as_float(int v) { return bits_as<float>(v); }
inline float __uint_as_float(unsigned v) { return bits_as<float>(v); }
inline int __float_as_int(float v) { return bits_as<int>(v); }
inline unsigned __float_as_uint(float v) { return bits_as<unsigned>(v); }
inline double __longlong_as_double(long long v) { return bits_as<double>(v); }
inline long long __double_as_longlong(double v) { return bits_as<long long>(v); }

template <class A, class B> std::common_type_t<A, B> min(A a, B b) { return b < a ? b : a; }
template <class A, class B> std::common_type_t<A, B> max(A a, B b) { return a < b ? b : a; }

// One thread runs at a time, so that plain accesses are atomic.
template <class T> __attribute__((no_sanitize("thread"))) T peek(T* at) { return *at; }
void races_see_atomic(const void* at, size_t bytes);
template <class T, class V> __attribute__((no_sanitize("thread"))) T exchange(T* at, V value) {
    races_see_atomic(at, sizeof *at);
    T old = *at;
    *at = value;
    return old;
}
template <class T, class V> T atomicAdd(T* at, V value) { return exchange(at, T(peek(at) + T(value))); }
template <class T, class V> T atomicMin(T* at, V value) { return exchange(at, min(peek(at), T(value))); }
template <class T, class V> T atomicMax(T* at, V value) { return exchange(at, max(peek(at), T(value))); }
template <class T> T atomicCAS(T* at, T expected, T value) { return exchange(at, peek(at) == expected ? value : peek(at)); }

template <class T> T shuffle(unsigned mask, T value, unsigned source) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = emulated_shuffle(mask, bits, source);
    memcpy(&value, &bits, sizeof value);
    return value;
}
template <class T> T __shfl_down_sync(unsigned mask, T value, unsigned by) {
    unsigned lane = emulated_lane();
    return shuffle(mask, value, lane + by < 32 ? lane + by : lane);
}
template <class T> T __shfl_xor_sync(unsigned mask, T value, unsigned with) {
    return shuffle(mask, value, (emulated_lane() ^ with) % 32);
}
inline unsigned __ballot_sync(unsigned mask, bool vote) { return emulated_shuffle(mask, vote, EVERY_LANE); }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }

struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) ushort4 { unsigned short x, y, z, w; };
struct alignas(4) uchar4 { unsigned char x, y, z, w; };
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline ushort4 make_ushort4(unsigned short x, unsigned short y, unsigned short z, unsigned short w) {
    return {x, y, z, w};
}

// Calls a kernel for the current thread with parameters as cuLaunchKernel takes them: pointers to the values.
template <class... A, size_t... I> void call(void (*kernel)(A...), void** from, std::index_sequence<I...>) {
    kernel(*(std::remove_const_t<A>*)from[I]...);
}
template <class... A> void call(void (*kernel)(A...), void** from) {
    call(kernel, from, std::index_sequence_for<A...>());
}
