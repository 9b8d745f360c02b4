//! Compares values, and makes random values to compare.

use super::Found;
use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::random::{Random, stream};
use rand::RngExt;

/// The relative error up to which a closed form and automatic differentiation agree.
pub const TOLERANCE: f64 = 1e-4;

/// A separate generator for each use.
pub fn random(what: u64) -> Random {
    stream(20_210, &[what])
}

/// `len` values within ±1.
pub fn noise(random: &mut Random, len: usize) -> Vec<f32> {
    (0..len).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// The same on the device.
///
/// # Errors
/// If the device has no memory.
pub fn noisy(device: &Device, random: &mut Random, len: usize) -> Result<Buffer> {
    Ok(Buffer::from_vec(device, noise(random, len))?)
}

/// Euclidean length.
pub fn norm(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// Σ a · b.
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// The relative error up to which two runs of one computation are equal. It is 0, except on CUDA,
/// where dfdx sums gradients in no fixed order.
const SAME: f64 = if plasticity_core::device::ON_GPU { 1e-6 } else { 0.0 };

/// Whether two buffers, computed in the same way, have equal values.
///
/// # Errors
/// If a copy from the device fails.
pub fn same(a: &Buffer, b: &Buffer) -> Result<bool> {
    let (a, b) = (a.to_vec()?, b.to_vec()?);
    let difference: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
    Ok(a.len() == b.len() && norm(&difference) <= SAME * norm(&b))
}

/// Records a failure if `ours` differs from `expected` by more than [`TOLERANCE`].
///
/// # Errors
/// If a copy from the device fails.
pub fn agree(found: &mut Found, what: &str, ours: &Buffer, expected: &Buffer) -> Result<()> {
    let (ours, expected) = (ours.to_vec()?, expected.to_vec()?);
    if ours.len() != expected.len() {
        found.add(format!("{what}: {} values instead of {}", ours.len(), expected.len()));
        return Ok(());
    }
    let difference: Vec<f32> = ours.iter().zip(&expected).map(|(a, b)| a - b).collect();
    let error = norm(&difference);
    // NaN does not agree.
    let agrees = error <= TOLERANCE * norm(&expected) + 1e-7;
    if !agrees {
        let relative = error / norm(&expected);
        found.add(format!("{what}: differs from automatic differentiation by {relative:.1e}"));
    }
    Ok(())
}
