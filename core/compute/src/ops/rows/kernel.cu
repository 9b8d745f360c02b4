// Copies of rows, one value per thread.

// to[i] = from[index[i]], or to[index[i]] = from[i], row by row.
extern "C" __global__ void take_rows(const float* from, const u32* index, float* to, u32 width, u64 count) {
    u64 i = thread();
    if (i < count) to[i] = from[(u64)index[i / width] * width + i % width];
}

extern "C" __global__ void put_rows(const float* from, const u32* index, float* to, u32 width, u64 count) {
    u64 i = thread();
    if (i < count) to[(u64)index[i / width] * width + i % width] = from[i];
}

// [outer, second, first, width] from [outer, first, second, width].
extern "C" __global__ void swap_axes(const float* from, float* to, u32 first, u32 second, u32 width, u64 count) {
    u64 i = thread();
    if (i >= count) return;
    u64 w = i % width, f = i / width % first, s = i / width / first % second, o = i / width / first / second;
    to[i] = from[((o * first + f) * second + s) * width + w];
}
