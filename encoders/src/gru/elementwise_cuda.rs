//! Elementwise work of a GRU on CUDA.
