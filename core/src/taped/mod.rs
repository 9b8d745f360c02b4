//! Matrices that record their operations for automatic differentiation. Losses, scores and signals use them.
//!
//! A [`Matrix`] or [`Scalar`] has a value and belongs to a [`Tape`], which records operations. You may clone it,
//! slice it and use it several times; the gradients of all uses add up. An operation never returns an error: the tape
//! records the first wrong shape, and [`Scalar::backward`] or reading a value returns this error.
//!
//! ```
//! use plasticity_core::device::Device;
//! use plasticity_core::taped::Tape;
//!
//! let tape = Tape::new(&Device::open()?);
//! let w = tape.constant(1, 2, |_, column| [1.0, -2.0][column]);
//! let loss = (&w * &w * 0.5 + &w).sum();
//! assert_eq!(loss.value()?, 1.5);
//! assert_eq!(loss.backward()?.of(&w)?.to_vec()?, [2.0, -1.0]);
//! # Ok::<(), plasticity_core::Error>(())
//! ```
//!
//! dfdx 0.13 computes and differentiates. Only this module and the device use it.

mod arithmetic;
mod elementwise;
mod matrix;
mod product;
mod reduce;
mod scalar;
mod select;
mod tape;
#[cfg(test)]
mod tests;

pub use matrix::Matrix;
pub use scalar::Scalar;
pub use tape::{Gradients, Held, Tape};

use plasticity_compute::device::{Matrix as Plain, TapedMatrix as Recorded};
