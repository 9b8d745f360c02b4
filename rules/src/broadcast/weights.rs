//! The sign y and the weight of every pair in a mean, as dfdx matrices: what losses that treat each pair alone share.

use crate::refused;
use dfdx::tensor::{AutoDevice, TensorFromVec};
use dfdx::tensor_ops::{SumTo, TryMul};
use plasticity_core::Result;
use plasticity_core::device::{Matrix, TapedMatrix, TapedScalar};
use plasticity_core::pairs::Pairs;

/// `[rows, columns]`: −y of every pair.
///
/// # Errors
/// Where the device has no room.
pub fn minus_signs(device: &AutoDevice, pairs: &Pairs) -> Result<Matrix> {
    matrix(device, pairs, |row, column| if column == pairs.fixation(row) { -1.0 } else { 1.0 })
}

/// Σ over the pairs of `losses`, each kind of pair (fixations, saccades) as its mean.
///
/// # Errors
/// Where the device has no room.
pub fn sum_of_means(device: &AutoDevice, losses: TapedMatrix, pairs: &Pairs) -> Result<TapedScalar> {
    let (fixations, saccades) = pairs.counts();
    let weights = matrix(device, pairs, |row, column| {
        let count = if column == pairs.fixation(row) { fixations } else { saccades };
        if pairs.meets(row, column) { 1.0 / count as f32 } else { 0.0 }
    })?;
    losses.try_mul(weights).map_err(refused)?.try_sum().map_err(refused)
}

fn matrix(device: &AutoDevice, pairs: &Pairs, value: impl Fn(usize, usize) -> f32) -> Result<Matrix> {
    let (rows, columns) = (pairs.rows, pairs.columns());
    let values = (0..rows * columns).map(|i| value(i / columns, i % columns)).collect();
    device.try_tensor_from_vec(values, (rows, columns)).map_err(refused)
}
