//! Batch normalisation: y = w · (x − μ) / √(σ² + ε) + b for each channel (Ioffe & Szegedy 2015).

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
mod rows;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::{apply, backward, moments};

use crate::device::Buffer;

/// Added to variances.
pub const EPSILON: f32 = 1e-5;

/// Mean and (biased) variance of every channel over a batch.
#[derive(Clone, Debug)]
pub struct Moments {
    /// `[channels]`.
    pub mean: Buffer,
    /// `[channels]`.
    pub variance: Buffer,
}
