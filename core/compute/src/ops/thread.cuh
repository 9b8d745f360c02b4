typedef unsigned int u32;
typedef unsigned long long u64;

__device__ __forceinline__ u64 thread() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
