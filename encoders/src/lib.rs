//! Encoder layers and their kernels for CPU and CUDA: convolutions, GRU by BPTT and e-prop, presets.

pub mod conv;
pub mod gru;
pub mod kernels;
pub mod presets;
