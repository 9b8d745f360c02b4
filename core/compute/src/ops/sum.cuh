// The sum of what the 1024 threads of a block give, in one order; thread 0 has it.
__device__ __forceinline__ float sum_of_block(float own) {
    __shared__ float sums[1024];
    sums[threadIdx.x] = own;
    for (unsigned int half = 512; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    return sums[0];
}

