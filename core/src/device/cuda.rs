//! CUDA device.
