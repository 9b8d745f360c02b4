// Races. Kernels compiled with RACES=1 say of every access that they make it, by the calls that g++ has for
// ThreadSanitizer; these are those calls. Accesses of two threads to a byte, of which one writes, need a barrier between
// them in a block, and a launch between them in two blocks; only atomics may meet. A shuffle orders no memory.
#include "engine.hpp"
#include "memory.hpp"
#include <stdint.h>
#include <memory>
#include <unordered_map>

namespace {
// A phase is what a block does between two barriers. Phases are counted as they run, over all blocks and launches.
uint32_t phase, first_of_block, first_of_launch;

struct Access {
    uint32_t phase;
    uint16_t thread;
    bool atomic, by_many;
};
struct Byte {
    Access written, read;
    uint32_t first_read;  // its phase, of this launch
};
const size_t PAGE = 4096;
std::unordered_map<uintptr_t, std::unique_ptr<Byte[]>> pages;

Byte& byte_at(uintptr_t at) {
    static uintptr_t last = 0;
    static Byte* bytes = nullptr;
    if (at / PAGE != last || !bytes) {
        std::unique_ptr<Byte[]>& found = pages[last = at / PAGE];
        if (!found) found.reset(new Byte[PAGE]());
        bytes = found.get();
    }
    return bytes[at % PAGE];
}

bool meets(const Access& earlier, uint16_t thread) {
    return earlier.phase == phase && (earlier.by_many || earlier.thread != thread);
}

// Whether memory is the device's, and so common to blocks; the allocation that was asked for last is remembered.
bool of_device(const void* at) {
    static Range last;
    static uint32_t launch;
    if (launch != first_of_launch) last = {};
    launch = first_of_launch;
    if (!last.holds(at)) last = allocation_of(at);
    return last.holds(at);
}

// Whether what was done in `earlier` was done in this launch by another block. Shared memory is each block's own.
bool of_another_block(uint32_t earlier, bool common) {
    return common && earlier >= first_of_launch && earlier < first_of_block;
}

void see(const void* start, size_t bytes, bool writes, bool atomic) {
    if (on_stack_of_thread(start)) return;
    uint16_t thread = current_thread();
    bool common = of_device(start);
    for (uintptr_t at = (uintptr_t)start; at < (uintptr_t)start + bytes; at++) {
        Byte& byte = byte_at(at);
        bool both_atomic = atomic && byte.written.atomic;
        if (!both_atomic && (meets(byte.written, thread) || of_another_block(byte.written.phase, common)))
            give_up("a race: %p is %s, and was written by thread %u with no barrier between", start,
                    writes ? "written" : "read", byte.written.thread);
        if (writes && (meets(byte.read, thread) || of_another_block(byte.first_read, common)))
            give_up("a race: %p is written, and was read by thread %u%s with no barrier between", start,
                    byte.read.thread, byte.read.by_many ? " and others" : "");
        if (writes) {
            byte.written = {phase, thread, atomic, false};
        } else {
            if (byte.first_read < first_of_launch) byte.first_read = phase;
            bool many = byte.read.phase == phase && (byte.read.by_many || byte.read.thread != thread);
            byte.read = {phase, thread, false, many};
        }
    }
}
}  // namespace

void races_see_launch() { first_of_launch = first_of_block = ++phase; }
void races_see_block() { first_of_block = ++phase; }
void races_see_barrier() { ++phase; }
void races_see_atomic(const void* at, size_t bytes) { see(at, bytes, true, true); }

extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
#define OF_SIZE(N)                                                                \
    void __tsan_read##N(void* at) { see(at, N, false, false); }                   \
    void __tsan_write##N(void* at) { see(at, N, true, false); }                   \
    void __tsan_unaligned_read##N(void* at) { see(at, N, false, false); }         \
    void __tsan_unaligned_write##N(void* at) { see(at, N, true, false); }
OF_SIZE(1)
OF_SIZE(2)
OF_SIZE(4)
OF_SIZE(8)
OF_SIZE(16)
void __tsan_read_range(void* at, size_t bytes) { see(at, bytes, false, false); }
void __tsan_write_range(void* at, size_t bytes) { see(at, bytes, true, false); }
}
