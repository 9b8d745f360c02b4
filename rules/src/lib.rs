//! Score functions, broadcast signals and plasticity rules: CPC, Greedy InfoMax, CLAPP and relatives.
//!
//! A rule of Illing et al. (2021) is a composition of three parts: a [`score`] of contexts and targets, a
//! [`broadcast`] signal that turns scores into the modulation γ of every pair, and a [`plasticity`] rule that sets
//! both to work over prediction steps. Each is a plugin: see [`plasticity_core::registry`].

pub mod broadcast;
pub mod local;
pub mod plasticity;
pub mod relatives;
pub mod score;
#[cfg(test)]
mod testing;
pub mod views;

use dfdx::tensor::{AutoDevice, OwnedTape};
use plasticity_core::Error;
use plasticity_core::device::TapedMatrix;
use plasticity_core::random::Random;
use rand::Rng;

/// The history of a tensor.
type Tape = OwnedTape<f32, AutoDevice>;

/// dfdx's own errors as this workspace's.
fn refused(error: impl std::fmt::Debug) -> Error {
    Error::Device(format!("dfdx: {error:?}"))
}

/// The device that a matrix is on.
fn tensors(matrix: &TapedMatrix) -> AutoDevice {
    dfdx::tensor::Tensor::device(matrix).clone()
}

/// `count` fresh weights, uniform within ±1/√fan_in, as PyTorch's linear layers start.
fn uniform(random: &mut Random, count: usize, fan_in: usize) -> Vec<f32> {
    let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
    (0..count).map(|_| random.random_range(-bound..bound)).collect()
}
