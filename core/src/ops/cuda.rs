//! CUDA operations.
