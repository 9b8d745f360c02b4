//! The compute device and its buffers of `f32`.
//!
//! One build has one device, [`dfdx::tensor::AutoDevice`]: the CPU, or with the feature `cuda` an
//! NVIDIA GPU. Rules, layers and optimisers hold [`Buffer`]s and work on them through [`crate::ops`]
//! or, as dfdx tensors, through [`Buffer::part`].

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(not(feature = "cuda"))]
pub(crate) use cpu::{Operand, Scratch};
#[cfg(feature = "cuda")]
pub mod cuda;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::{AllReduce, Buffer, Device, Indices, Summing};

/// Whether buffers lie in the memory of a GPU, and not of the host.
pub const ON_GPU: bool = cfg!(feature = "cuda");

mod precision;
pub use precision::Precision;

use dfdx::tensor::{AutoDevice, OwnedTape, Tensor};

/// A matrix on the device, in dfdx's terms.
pub type Matrix = Tensor<(usize, usize), f32, AutoDevice>;
/// A matrix whose operations are recorded for automatic differentiation.
pub type TapedMatrix = Tensor<(usize, usize), f32, AutoDevice, OwnedTape<f32, AutoDevice>>;
/// A scalar whose operations are recorded: a loss.
pub type TapedScalar = Tensor<(), f32, AutoDevice, OwnedTape<f32, AutoDevice>>;
