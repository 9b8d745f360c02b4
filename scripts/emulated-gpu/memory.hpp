// Device memory: pages of the host's with guards around them.
#pragma once
#include <stddef.h>

void* allocate(size_t bytes);
void release(void* memory);
void check_range(const void* from, size_t bytes, const char* what);  // gives up where it is not inside one allocation
size_t allocated();
void explain_faults();
