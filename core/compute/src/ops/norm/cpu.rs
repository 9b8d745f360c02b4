//! On the CPU.

use super::{EPSILON, Moments, rows};
use crate::Result;
use crate::device::Buffer;

/// Mean and variance (biased) of every channel.
///
/// # Errors
/// If the device has no memory.
pub fn moments(input: &Buffer, channels: usize) -> Result<Moments> {
    let (mean, variance) = rows::moments(input.as_slice(), channels);
    let device = input.device();
    Ok(Moments { mean: Buffer::from_vec(device, mean)?, variance: Buffer::from_vec(device, variance)? })
}

/// y = weight · (x − mean) / √(variance + ε) + bias for each channel.
///
/// # Errors
/// If the device has no memory.
pub fn apply(
    input: &Buffer,
    mean: &Buffer,
    variance: &Buffer,
    weight: &Buffer,
    bias: &Buffer,
) -> Result<Buffer> {
    let (mean, variance) = (mean.as_slice(), variance.as_slice());
    let (weight, bias) = (weight.as_slice(), bias.as_slice());
    Buffer::from_vec(input.device(), rows::apply(input.as_slice(), mean, variance, weight, bias, EPSILON))
}

/// The derivatives of [`apply`] with the moments of the batch: for the input, the weight and the bias.
///
/// # Errors
/// If the device has no memory.
pub fn backward(input: &Buffer, moments: &Moments, weight: &Buffer, d_out: &Buffer) -> Result<[Buffer; 3]> {
    let (mean, variance) = (moments.mean.as_slice(), moments.variance.as_slice());
    let (weight, d_out) = (weight.as_slice(), d_out.as_slice());
    let found = rows::backward(input.as_slice(), mean, variance, weight, d_out, EPSILON);
    let device = input.device();
    Ok([
        Buffer::from_vec(device, found.input)?,
        Buffer::from_vec(device, found.weight)?,
        Buffer::from_vec(device, found.bias)?,
    ])
}
