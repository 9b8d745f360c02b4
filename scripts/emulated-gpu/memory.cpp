// Each allocation ends (but for 256-byte alignment) at a page that nobody may touch, and is filled with NaN: what
// reads past the end faults or sees NaN, as does what reads memory before it is written. What is written into the
// rounding at either end shows when the memory is released, and what is released faults.
#include "memory.hpp"
#include "engine.hpp"
#include <signal.h>
#include <sys/mman.h>
#include <algorithm>
#include <map>
#include <mutex>

namespace {
const size_t PAGE = 4096, ALIGNMENT = 256;
const unsigned char UNSET = 0xff;

struct Allocation {
    char* pages;
    size_t length, bytes;
};
std::map<char*, Allocation> allocations;
size_t total, most;
std::mutex lock;

size_t round_up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

void check_unset(const char* from, const char* to, const char* start) {
    for (; from < to; from++)
        if ((unsigned char)*from != UNSET) give_up("%td bytes from the start of %p was written out of bounds", from - start, start);
}

void fault(int signal, siginfo_t* info, void*) {
    give_up(signal == SIGILL ? "a misaligned access or an index past an array"
                             : "an access to %p, which is no memory of the device", info->si_addr);
}
}  // namespace

void* allocate(size_t bytes) {
    size_t used = round_up(bytes, ALIGNMENT), length = round_up(used, PAGE);
    void* mapped = mmap(nullptr, length + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED || mprotect((char*)mapped + length, PAGE, PROT_NONE)) return nullptr;
    memset(mapped, UNSET, length);
    char* start = (char*)mapped + length - used;
    std::lock_guard<std::mutex> held(lock);
    allocations[start] = {(char*)mapped, length, bytes};
    most = std::max(most, total += bytes);
    return start;
}

void release(void* memory) {
    std::lock_guard<std::mutex> held(lock);
    char* start = (char*)memory;
    auto found = allocations.find(start);
    if (found == allocations.end()) give_up("%p is freed, but was not allocated or is free already", memory);
    Allocation it = found->second;
    check_unset(it.pages, start, start);
    check_unset(start + it.bytes, it.pages + it.length, start);
    munmap(it.pages, it.length + PAGE);
    total -= it.bytes;
    allocations.erase(found);
}

Range allocation_of(const void* at) {
    std::lock_guard<std::mutex> held(lock);
    auto after = allocations.upper_bound((char*)at);
    if (after == allocations.begin()) return {};
    auto& [start, it] = *--after;
    return {start, start + it.bytes};
}

void check_range(const void* from, size_t bytes, const char* what) {
    if (bytes == 0 || (const char*)from + bytes <= allocation_of(from).to) return;
    give_up("%s of %zu bytes at %p is not inside one allocation", what, bytes, from);
}

size_t allocated() { return total; }
size_t most_allocated() { return most; }

void explain_faults() {
    struct sigaction action = {};
    action.sa_sigaction = fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (int signal : {SIGSEGV, SIGBUS, SIGILL}) sigaction(signal, &action, nullptr);
}
