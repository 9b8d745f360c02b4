// Device memory: pages of the host's with guards around them.
#pragma once
#include <stddef.h>

void* allocate(size_t bytes);
void release(void* memory);
void check_range(const void* from, size_t bytes, const char* what);  // gives up where it is not inside one allocation
size_t allocated();
size_t most_allocated();

struct Range {
    const char *from, *to;
    bool holds(const void* at) const { return from <= (const char*)at && (const char*)at < to; }
};
Range allocation_of(const void* at);  // empty where it is in none
void explain_faults();
