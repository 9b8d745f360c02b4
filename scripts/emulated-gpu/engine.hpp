// How kernels run: one block after the other, its threads taking turns.
#pragma once
#include "kernel.hpp"

typedef void (*Kernel)(void** parameters);

// What a CUfunction points to.
struct Function {
    const char* name;
    Kernel kernel;
};

void run_grid(Kernel kernel, void** parameters, uint3 grid, uint3 block);
[[noreturn]] void give_up(const char* format, ...) __attribute__((format(printf, 1, 2)));
extern const char* running;  // the kernel that runs, or null
