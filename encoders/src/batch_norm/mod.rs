//! Batch normalisation: y = w · (x − μ) / √(σ² + ε) + b for each channel (Ioffe & Szegedy 2015), after ReLU.

#[cfg_attr(feature = "cuda", path = "device_cuda.rs")]
pub mod device;
mod norm;
mod rows;

pub use norm::{Moments, Norm};
pub use rows::{Gradients, apply, backward, moments};

/// Added to variances.
pub const EPSILON: f32 = 1e-5;
