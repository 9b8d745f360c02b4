// How kernels run: one block after the other, its threads taking turns.
#pragma once
#include "kernel.hpp"

typedef void (*Kernel)(void** parameters);

// What a CUfunction points to.
struct Function {
    const char* name;
    Kernel kernel;
};

// What races.cpp is told: a launch, a block or the time after a barrier begins.
void races_see_launch();
void races_see_block();
void races_see_barrier();

void run_grid(Kernel kernel, void** parameters, uint3 grid, uint3 block);
[[noreturn]] void give_up(const char* format, ...) __attribute__((format(printf, 1, 2)));
unsigned current_thread();
bool on_stack_of_thread(const void* at);
extern const char* running;  // the kernel that runs, or null
