//! Matrices that remember how they were made: the language that losses, scores and signals are written in.
//!
//! A [`Matrix`] or [`Scalar`] is a value and a place in the history of its [`Pass`]. It may be cloned, used as often as one
//! likes and sliced; gradients of all uses add up. An operation never fails by itself: shapes that do not fit are noted in
//! the pass, and [`Scalar::backward`], or whoever reads a value, returns the first such error.
//!
//! ```
//! use plasticity_core::device::Device;
//! use plasticity_core::taped::Pass;
//!
//! let pass = Pass::new(&Device::open()?);
//! let w = pass.constant(1, 2, |_, column| [1.0, -2.0][column]);
//! let loss = (&w * &w * 0.5 + &w).sum();
//! assert_eq!(loss.value()?, 1.5);
//! assert_eq!(loss.backward()?.of(&w)?.to_vec()?, [2.0, -1.0]);
//! # Ok::<(), plasticity_core::Error>(())
//! ```
//!
//! dfdx 0.13 computes and differentiates; no other module of this workspace but the device's own knows it.

mod arithmetic;
mod elementwise;
mod matrix;
mod pass;
mod product;
mod reduce;
mod scalar;
mod select;
#[cfg(test)]
mod tests;

pub use matrix::Matrix;
pub use pass::{Held, Pass, Slopes};
pub use scalar::Scalar;

use plasticity_compute::device::{Matrix as Plain, TapedMatrix as Recorded};
