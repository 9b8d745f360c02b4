//! One step of an optimiser: Adam, and gradient descent with momentum.

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::{adam, sgd};

use crate::device::Buffer;
use crate::error::{Error, Result};

/// The factors of one step of Adam, including the bias corrections:
/// m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w + rate · m / (√v · square_correction + ε),
/// with g = update − `decay` · w.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// η / (1 − β₁ᵗ).
    pub rate: f32,
    /// β₁.
    pub beta1: f32,
    /// β₂.
    pub beta2: f32,
    /// 1 / √(1 − β₂ᵗ).
    pub square_correction: f32,
    /// ε.
    pub epsilon: f32,
    /// Weight decay.
    pub decay: f32,
}

/// A parameter that Adam moves.
pub struct AdamTensor<'a> {
    /// w.
    pub value: &'a mut Buffer,
    /// The direction in which it moves: g without weight decay.
    pub update: &'a Buffer,
    /// m.
    pub mean: &'a mut Buffer,
    /// v.
    pub square: &'a mut Buffer,
}

impl AdamTensor<'_> {
    /// How many values each of the four has.
    pub(crate) fn checked_len(&self) -> Result<usize> {
        let lengths = [self.value.len(), self.update.len(), self.mean.len(), self.square.len()];
        if lengths.iter().any(|&len| len != lengths[0]) {
            let message = format!("value, update, mean and square have {lengths:?} values");
            return Err(Error::shape("Adam", message));
        }
        Ok(lengths[0])
    }
}
