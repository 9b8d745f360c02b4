//! The computations of the plasticity toolkit: the device, its buffers, and arithmetic on them, on the CPU or,
//! with the feature `cuda`, on an NVIDIA GPU.
//!
//! This is the only package that knows CUDA. Every operation of [`ops`] has the same functions on either device.

#[cfg(not(feature = "cuda"))]
mod bf16;
pub mod device;
pub mod error;
pub mod map;
pub mod ops;
pub mod pairs;
pub mod rows;
pub mod stage;

pub use error::{Error, Result};
