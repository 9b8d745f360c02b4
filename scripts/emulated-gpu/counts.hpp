// Counts an operation that is handed to the GPU: see counts.cpp.
#pragma once
void count(const char* what);
