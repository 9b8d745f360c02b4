// Pooling of maps. One result per thread; sums are f32.

// Axes of a map [time, location, batch, t, y, x, channel]; mode: 0 mean over y and x, 1 keep, 2 blocks of side².
struct Axes { unsigned int time, location, batch, t, y, x, channels, mode, side; };

__device__ __forceinline__ float read(const float* from, u64 i) { return from[i]; }
__device__ __forceinline__ float read(const half_t* from, u64 i) { return single_of(from[i]); }

// One value of the representation [time·t, location, batch, channel] from the map.
template <typename T>
__device__ __forceinline__ void pool(const T* map, float* out, Axes a, u64 count) {
    u64 i = thread();
    if (i >= count) return;
    u64 places = (u64)a.y * a.x;
    unsigned int blocks_y = a.mode == 2 ? a.y / a.side : 1, blocks_x = a.mode == 2 ? a.x / a.side : 1;
    u64 wide = (u64)a.channels * blocks_y * blocks_x, locations = a.mode == 1 ? a.location * places : a.location;
    u64 row = i / wide, column = i % wide;
    u64 batch = row % a.batch, location = row / a.batch % locations, step = row / a.batch / locations;
    unsigned int first_y = 0, first_x = 0, high = a.y, broad = a.x;
    u64 channel = column;
    if (a.mode == 1) {
        u64 place = location % places;
        location /= places;
        first_y = place / a.x;
        first_x = place % a.x;
        high = broad = 1;
    } else if (a.mode == 2) {
        channel = column / (blocks_y * blocks_x);
        u64 block = column % (blocks_y * blocks_x);
        first_y = block / blocks_x * a.side;
        first_x = block % blocks_x * a.side;
        high = broad = a.side;
    }
    u64 sample = ((step / a.t) * a.location + location) * a.batch + batch;
    u64 base = (sample * a.t + step % a.t) * places;
    float sum = 0.0f;
    for (unsigned int y = first_y; y < first_y + high; y++)
        for (unsigned int x = first_x; x < first_x + broad; x++)
            sum += read(map, (base + (u64)y * a.x + x) * a.channels + channel);
    out[i] = sum * (1.0f / (float)(high * broad));
}

extern "C" __global__ void pool_single(const float* map, float* out, Axes a, u64 count) {
    pool(map, out, a, count);
}

extern "C" __global__ void pool_half(const half_t* map, float* out, Axes a, u64 count) {
    pool(map, out, a, count);
}

// One value of the map, from the representation's factor. Positions past the last whole block get 0.
extern "C" __global__ void spread(const float* factor, float* out, Axes a, u64 count) {
    u64 i = thread();
    if (i >= count) return;
    u64 places = (u64)a.y * a.x;
    u64 channel = i % a.channels, place = i / a.channels;
    unsigned int x = place % a.x, y = place / a.x % a.y, t = place / places % a.t;
    u64 sample = place / places / a.t;
    u64 batch = sample % a.batch, location = sample / a.batch % a.location, time = sample / a.batch / a.location;
    u64 step = time * a.t + t, wide = a.channels, column = channel, locations = a.location;
    float weight = 1.0f;
    if (a.mode == 0) {
        weight = 1.0f / (float)places;
    } else if (a.mode == 1) {
        locations *= places;
        location = location * places + (u64)y * a.x + x;
    } else {
        unsigned int blocks_y = a.y / a.side, blocks_x = a.x / a.side, by = y / a.side, bx = x / a.side;
        if (by >= blocks_y || bx >= blocks_x) {
            out[i] = 0.0f;
            return;
        }
        wide *= blocks_y * blocks_x;
        column = channel * blocks_y * blocks_x + by * blocks_x + bx;
        weight = 1.0f / (float)(a.side * a.side);
    }
    out[i] = weight * factor[((step * locations + location) * a.batch + batch) * wide + column];
}
