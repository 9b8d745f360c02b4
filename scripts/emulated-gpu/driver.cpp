// libcuda: one device, whose work is done when it is asked for. As the driver does, it refuses calls from a thread
// that has no context, and launches that a GPU could not run.
#include "counts.hpp"
#include "engine.hpp"
#include "memory.hpp"
#include <chrono>
#include <mutex>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utility>

namespace {
enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_CONTEXT = 201, NOT_READY = 600 };
enum { ATTRIBUTE_MULTIPROCESSORS = 16, ATTRIBUTE_MAJOR = 75, ATTRIBUTE_MINOR = 76, ATTRIBUTE_POOLS = 115 };
enum { POOL_MOST_USED = 8 };
const size_t MEMORY = 80ull << 30, MOST_SHARED = 48 << 10;

int context;  // its address is the context
thread_local void* current_context;
std::mutex launching;

double now() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
// Work is done when it is asked for, but the first to ask whether it is hears that it is not: so waiting is seen to work.
struct Event {
    double at = 0;
    bool pending = false;
};
int in_context() { return current_context ? SUCCESS : INVALID_CONTEXT; }

int copy(void* to, const void* from, size_t bytes, bool to_device, bool from_device) {
    if (to_device) check_range(to, bytes, "a copy to memory");
    if (from_device) check_range(from, bytes, "a copy from memory");
    if (int failed = in_context()) return failed;
    count(!from_device ? "copy to the GPU" : to_device ? "copy on the GPU" : "copy from the GPU");
    memmove(to, from, bytes);
    return SUCCESS;
}
}  // namespace

extern "C" {
int cuInit(unsigned) {
    explain_faults();
    return SUCCESS;
}
int cuDriverGetVersion(int* version) { return *version = 12000, SUCCESS; }
int cuGetErrorName(int error, const char** name) {
    *name = error == INVALID_CONTEXT ? "CUDA_ERROR_INVALID_CONTEXT"
            : error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY"
                                     : "CUDA_ERROR_INVALID_VALUE";
    return SUCCESS;
}
int cuGetErrorString(int error, const char** text) { return cuGetErrorName(error, text); }

int cuDeviceGetCount(int* count) { return *count = 1, SUCCESS; }
int cuDeviceGet(int* device, int ordinal) { return *device = 0, ordinal == 0 ? SUCCESS : INVALID_VALUE; }
int cuDeviceGetName(char* name, int length, int) { return snprintf(name, length, "CPU stand-in"), SUCCESS; }
int cuDeviceTotalMem_v2(size_t* bytes, int) { return *bytes = MEMORY, SUCCESS; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
    switch (attribute) {
        case ATTRIBUTE_MULTIPROCESSORS: *value = 132; return SUCCESS;
        case ATTRIBUTE_MAJOR: *value = 9; return SUCCESS;
        case ATTRIBUTE_MINOR: *value = 0; return SUCCESS;
        case ATTRIBUTE_POOLS: *value = 1; return SUCCESS;
    }
    give_up("device attribute %d is not emulated", attribute);
}
int cuDeviceGetDefaultMemPool(void** pool, int) { return *pool = &context, SUCCESS; }
int cuMemPoolSetAttribute(void*, int, void*) { return SUCCESS; }
int cuMemPoolTrimTo(void*, size_t) { return in_context(); }
int cuMemPoolGetAttribute(void*, int attribute, void* value) {
    if (attribute != POOL_MOST_USED) give_up("pool attribute %d is not emulated", attribute);
    return *(uint64_t*)value = most_allocated(), SUCCESS;
}

int cuDevicePrimaryCtxRetain(void** made, int) { return *made = &context, SUCCESS; }
int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
int cuCtxGetCurrent(void** at) { return *at = current_context, SUCCESS; }
int cuCtxSetCurrent(void* to) { return current_context = to, SUCCESS; }

int cuStreamCreate(void** stream, unsigned) { return *stream = new int, in_context(); }
int cuStreamDestroy_v2(void* stream) { return delete (int*)stream, SUCCESS; }
int cuStreamSynchronize(void*) { return count("waiting for the GPU"), in_context(); }
int cuStreamWaitEvent(void*, void*, unsigned) { return in_context(); }
int cuEventCreate(void** event, unsigned) { return *event = new Event(), in_context(); }
int cuEventDestroy_v2(void* event) { return delete (Event*)event, SUCCESS; }
int cuEventRecord(void* event, void*) { return *(Event*)event = {now(), true}, in_context(); }
int cuEventSynchronize(void* event) { return ((Event*)event)->pending = false, in_context(); }
int cuEventQuery(void* event) { return std::exchange(((Event*)event)->pending, false) ? NOT_READY : in_context(); }
int cuEventElapsedTime(float* ms, void* from, void* to) { return *ms = ((Event*)to)->at - ((Event*)from)->at, SUCCESS; }

int cuMemGetInfo_v2(size_t* free, size_t* all) { return *all = MEMORY, *free = MEMORY - allocated(), in_context(); }
int cuMemAllocAsync(void** to, size_t bytes, void*) {
    if (int failed = in_context()) return failed;
    count("allocation");
    *to = bytes ? allocate(bytes) : nullptr;
    return *to || !bytes ? SUCCESS : OUT_OF_MEMORY;
}
int cuMemAlloc_v2(void** to, size_t bytes) { return bytes ? cuMemAllocAsync(to, bytes, nullptr) : INVALID_VALUE; }
int cuMemFreeAsync(void* memory, void*) {
    if (int failed = in_context()) return failed;
    if (memory) release(memory);
    return SUCCESS;
}
int cuMemFree_v2(void* memory) { return cuMemFreeAsync(memory, nullptr); }
int cuMemsetD8Async(void* to, unsigned char value, size_t bytes, void*) {
    count("setting memory");
    check_range(to, bytes, "setting memory");
    if (bytes) memset(to, value, bytes);
    return in_context();
}
int cuMemsetD8_v2(void* to, unsigned char value, size_t bytes) { return cuMemsetD8Async(to, value, bytes, nullptr); }
int cuMemAllocHost_v2(void** to, size_t bytes) { return *to = malloc(bytes), *to ? in_context() : OUT_OF_MEMORY; }
int cuMemFreeHost(void* memory) { return free(memory), in_context(); }
int cuMemcpyHtoDAsync_v2(void* to, const void* from, size_t bytes, void*) { return copy(to, from, bytes, true, false); }
int cuMemcpyHtoD_v2(void* to, const void* from, size_t bytes) { return copy(to, from, bytes, true, false); }
int cuMemcpyDtoHAsync_v2(void* to, const void* from, size_t bytes, void*) { return copy(to, from, bytes, false, true); }
int cuMemcpyDtoH_v2(void* to, const void* from, size_t bytes) { return copy(to, from, bytes, false, true); }
int cuMemcpyDtoDAsync_v2(void* to, const void* from, size_t bytes, void*) { return copy(to, from, bytes, true, true); }
int cuMemcpyDtoD_v2(void* to, const void* from, size_t bytes) { return copy(to, from, bytes, true, true); }

int cuLaunchKernel(Function* function, unsigned x, unsigned y, unsigned z, unsigned tx, unsigned ty, unsigned tz,
                   unsigned shared, void*, void** parameters, void**) {
    if (int failed = in_context()) return failed;
    unsigned long long threads = 1ull * tx * ty * tz;
    bool fits = x && y && z && x <= 0x7fffffff && y <= 65535 && z <= 65535 && threads && threads <= 1024 && tz <= 64;
    if (!fits || shared > MOST_SHARED) return INVALID_VALUE;
    std::lock_guard<std::mutex> held(launching);
    count(function->name);
    running = function->name;
    run_grid(function->kernel, parameters, {x, y, z}, {tx, ty, tz});
    running = nullptr;
    return SUCCESS;
}
}
