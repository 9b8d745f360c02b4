//! Comparing values, and making some to compare.

use super::Found;
use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::random::{Random, stream};
use rand::RngExt;

/// The relative error up to which a closed form and automatic differentiation agree.
pub const TOLERANCE: f64 = 1e-4;

/// A generator of its own for each use.
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
/// Where the device has no room.
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

/// The relative error up to which what is made twice is the same: none, but where dfdx on CUDA adds gradients up in any
/// order.
const SAME: f64 = if plasticity_core::device::ON_GPU { 1e-6 } else { 0.0 };

/// Whether two buffers, made in the same way, hold the same.
///
/// # Errors
/// Where a copy from the device fails.
pub fn same(a: &Buffer, b: &Buffer) -> Result<bool> {
    let (a, b) = (a.to_vec()?, b.to_vec()?);
    let difference: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
    Ok(a.len() == b.len() && norm(&difference) <= SAME * norm(&b))
}

/// Takes down where `ours` is further from `expected` than [`TOLERANCE`] allows.
///
/// # Errors
/// Where a copy from the device fails.
pub fn agree(found: &mut Found, what: &str, ours: &Buffer, expected: &Buffer) -> Result<()> {
    let (ours, expected) = (ours.to_vec()?, expected.to_vec()?);
    if ours.len() != expected.len() {
        found.add(format!("{what}: {} values instead of {}", ours.len(), expected.len()));
        return Ok(());
    }
    let difference: Vec<f32> = ours.iter().zip(&expected).map(|(a, b)| a - b).collect();
    let error = norm(&difference);
    // NaN is no agreement.
    let agrees = error <= TOLERANCE * norm(&expected) + 1e-7;
    if !agrees {
        let relative = error / norm(&expected);
        found.add(format!("{what}: differs from automatic differentiation by {relative:.1e}"));
    }
    Ok(())
}
