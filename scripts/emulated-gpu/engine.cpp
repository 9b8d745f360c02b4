// Threads of a block as fibers. A fiber takes thread after thread, and stays with one that waits, at a barrier or a
// shuffle, until those that it waits for are there too; so a kernel without either costs no switches.
#include "engine.hpp"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <memory>
#include <vector>

uint3 threadIdx, blockIdx, blockDim, gridDim;
const char* running;

namespace {
enum State { WAITING_TO_START, RUNNING, AT_BARRIER, AT_SHUFFLE, ENDED };

struct Fiber {
    ucontext_t start;
    jmp_buf at;
    bool fresh = true;
};

struct Thread {
    State state;
    Fiber* fiber;
    uint64_t bits;
    unsigned source;
};

const size_t STACK = 256 << 10;
std::vector<std::unique_ptr<Fiber>> fibers;
std::vector<Fiber*> idle;
std::vector<Thread> threads;
ucontext_t unused;
jmp_buf scheduler;
unsigned next, current;
Kernel kernel;
void** parameters;

void make_current(unsigned thread) {
    current = thread;
    threadIdx = {thread % blockDim.x, thread / blockDim.x % blockDim.y, thread / blockDim.x / blockDim.y};
}

void take_threads() {
    for (;;) {
        Fiber* self = idle.back();
        idle.pop_back();
        while (next < threads.size()) {
            make_current(next++);
            threads[current] = {RUNNING, self, 0, 0};
            kernel(parameters);
            threads[current].state = ENDED;
        }
        idle.push_back(self);
        if (!_setjmp(self->at)) _longjmp(scheduler, 1);
    }
}

void resume(Fiber* fiber) {
    if (_setjmp(scheduler)) return;
    if (!fiber->fresh) _longjmp(fiber->at, 1);
    fiber->fresh = false;
    swapcontext(&unused, &fiber->start);
}

void start_fiber() {
    if (idle.empty()) {
        Fiber* fiber = fibers.emplace_back(new Fiber).get();
        getcontext(&fiber->start);
        fiber->start.uc_stack.ss_size = STACK;
        fiber->start.uc_stack.ss_sp = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        makecontext(&fiber->start, take_threads, 0);
        idle.push_back(fiber);
    }
    resume(idle.back());
}

void wait_as(State state) {
    Thread& self = threads[current];
    self.state = state;
    if (!_setjmp(self.fiber->at)) _longjmp(scheduler, 1);
}

// Lets threads `from` to `to` go on if all of them that have not ended are in `state`; whether there were any.
bool release(size_t from, size_t to, State state) {
    bool any = false;
    for (size_t i = from; i < to; i++) {
        if (threads[i].state != state && threads[i].state != ENDED) return false;
        any |= threads[i].state == state;
    }
    for (size_t i = from; i < to; i++) {
        if (threads[i].state != state) continue;
        if (state == AT_SHUFFLE && threads[i].source != EVERY_LANE) {
            size_t source = from + threads[i].source;
            if (source >= to || threads[source].state == ENDED) give_up("a shuffle reads a lane that has ended");
        }
    }
    std::vector<uint64_t> given;
    for (size_t i = from; state == AT_SHUFFLE && i < to; i++) given.push_back(threads[i].bits);
    uint64_t ballot = 0;
    for (size_t lane = 0; lane < given.size(); lane++)
        if (threads[from + lane].state == AT_SHUFFLE && given[lane]) ballot |= uint64_t(1) << lane;
    if (any && state == AT_BARRIER) races_see_barrier();
    for (size_t i = from; i < to; i++) {
        if (threads[i].state != state) continue;
        if (state == AT_SHUFFLE) threads[i].bits = threads[i].source == EVERY_LANE ? ballot : given[threads[i].source];
        threads[i].state = RUNNING;
    }
    return any;
}

void run_block() {
    threads.assign((size_t)blockDim.x * blockDim.y * blockDim.z, {WAITING_TO_START, nullptr, 0, 0});
    next = 0;
    races_see_block();
    while (next < threads.size()) start_fiber();
    for (;;) {
        bool any = release(0, threads.size(), AT_BARRIER), all_ended = true;
        for (size_t warp = 0; warp < threads.size(); warp += 32)
            any |= release(warp, std::min(warp + 32, threads.size()), AT_SHUFFLE);
        for (unsigned i = 0; i < threads.size(); i++) {
            if (threads[i].state == RUNNING) {
                make_current(i);
                resume(threads[i].fiber);
            }
            all_ended &= threads[i].state == ENDED;
        }
        if (all_ended) return;
        if (!any) give_up("some threads wait at a barrier or a shuffle that others never reach");
    }
}
}  // namespace

void __syncthreads() { wait_as(AT_BARRIER); }

unsigned current_thread() { return current; }

bool on_stack_of_thread(const void* at) {
    const stack_t& stack = threads[current].fiber->start.uc_stack;
    return stack.ss_sp <= at && at < (char*)stack.ss_sp + stack.ss_size;
}

unsigned emulated_lane() { return current % 32; }

uint64_t emulated_shuffle(unsigned mask, uint64_t bits, unsigned source) {
    if (mask != 0xffffffffu) give_up("a shuffle of a part of a warp is not emulated");
    Thread& self = threads[current];
    self.bits = bits;
    self.source = source;
    wait_as(AT_SHUFFLE);
    return self.bits;
}

void run_grid(Kernel what, void** with, uint3 grid, uint3 block) {
    kernel = what;
    parameters = with;
    gridDim = grid;
    blockDim = block;
    races_see_launch();
    for (blockIdx.z = 0; blockIdx.z < grid.z; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid.y; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid.x; blockIdx.x++) run_block();
}

void give_up(const char* format, ...) {
    va_list values;
    va_start(values, format);
    fprintf(stderr, "emulated GPU: ");
    vfprintf(stderr, format, values);
    if (running)
        fprintf(stderr, " (kernel %s, block %u %u %u, thread %u %u %u)", running, blockIdx.x, blockIdx.y, blockIdx.z,
                threadIdx.x, threadIdx.y, threadIdx.z);
    fprintf(stderr, "\n");
    abort();
}
