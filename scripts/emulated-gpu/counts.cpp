// With COUNTS=FILE in the environment, for `gpu-emulate counts`: how often each operation was handed to the GPU, by name, written at the end.
#include "counts.hpp"
#include <stdio.h>
#include <stdlib.h>
#include <map>
#include <mutex>
#include <string>

namespace {
struct Counts {
    std::mutex lock;
    std::map<std::string, unsigned long> of;
    ~Counts() {
        const char* to = getenv("COUNTS");
        FILE* file = to && !of.empty() ? fopen(to, "w") : nullptr;
        if (!file) return;
        for (auto& [what, count] : of) fprintf(file, "%8lu %s\n", count, what.c_str());
        fclose(file);
    }
} counts;
}  // namespace

void count(const char* what) {
    static const bool wanted = getenv("COUNTS");
    if (!wanted) return;
    std::lock_guard<std::mutex> held(counts.lock);
    counts.of[what]++;
}
