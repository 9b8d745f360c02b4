//! Encoder layers and their kernels for CPU and CUDA: convolutions, GRU by BPTT and e-prop, presets.

pub mod batch_norm;
pub mod conv;
#[cfg(test)]
mod finite_differences;
pub mod gru;
pub mod kernels;
pub mod normalise;
pub mod presets;
pub mod residual;
