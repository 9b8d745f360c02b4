typedef unsigned long long count_t;

__device__ __forceinline__ count_t thread() { return (count_t)blockIdx.x * blockDim.x + threadIdx.x; }
