//! On an NVIDIA GPU.

use super::{EPSILON, Moments};
use crate::device::Buffer;
use crate::device::cuda::{Kernels, Launch, size};
use crate::{Error, Result, ops};

static KERNELS: Kernels = Kernels {
    name: "plasticity_norm",
    source: concat!(include_str!("../thread.cuh"), include_str!("kernel.cu")),
    functions: &["norm_sums", "norm_apply", "norm_backward"],
};

/// Rows that one thread sums up.
const DEPTH: usize = 64;

/// Mean and variance (biased) of every channel.
///
/// # Errors
/// If the device has no memory.
pub fn moments(input: &Buffer, channels: usize) -> Result<Moments> {
    let rows = input.len() / channels.max(1);
    let share = 1.0 / rows.max(1) as f32;
    let mut mean = ops::column_sums(input, channels)?;
    ops::scale(&mut mean, share)?;
    let mut variance = sums(input, None, &mean, &mean)?;
    ops::scale(&mut variance, share)?;
    Ok(Moments { mean, variance })
}

/// Σ (x − μ)² of every channel, or with `d` Σ d · x̂.
fn sums(input: &Buffer, d: Option<&Buffer>, mean: &Buffer, variance: &Buffer) -> Result<Buffer> {
    let channels = mean.len();
    let rows = input.len() / channels.max(1);
    let slabs = rows.div_ceil(DEPTH);
    if slabs == 0 {
        return Buffer::zeros(input.device(), channels);
    }
    let mut parts = Buffer::unset(input.device(), slabs * channels)?;
    let launch = Launch::new(input.device(), &KERNELS, "norm_sums")?
        .pointer(input.pointer()?)
        .pointer(d.map_or(Ok(0), Buffer::pointer)?)
        .pointer(mean.pointer()?)
        .pointer(variance.pointer()?)
        .value(EPSILON)
        .pointer(parts.pointer_mut()?)
        .value(rows as u64)
        .value(size(channels)?)
        .value(DEPTH as u32)
        .value((slabs * channels) as u64);
    // SAFETY: the arguments are those of `norm_sums` in kernel.cu, one sum per thread; `d` is as long as the
    // input.
    unsafe { launch.each(slabs * channels)? };
    ops::column_sums(&parts, channels)
}

/// y = weight · (x − mean) / √(variance + ε) + bias.
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
    let mut out = Buffer::unset(input.device(), input.len())?;
    let launch = Launch::new(input.device(), &KERNELS, "norm_apply")?
        .pointer(input.pointer()?)
        .pointer(mean.pointer()?)
        .pointer(variance.pointer()?)
        .pointer(weight.pointer()?)
        .pointer(bias.pointer()?)
        .value(EPSILON)
        .pointer(out.pointer_mut()?)
        .value(size(mean.len())?)
        .value(input.len() as u64);
    // SAFETY: the arguments are those of `norm_apply` in kernel.cu, one value per thread.
    unsafe { launch.each(input.len())? };
    Ok(out)
}

/// The derivatives with batch statistics: for the input, the weight and the bias.
///
/// # Errors
/// If the lengths differ or the device has no memory.
pub fn backward(input: &Buffer, moments: &Moments, weight: &Buffer, d_out: &Buffer) -> Result<[Buffer; 3]> {
    if d_out.len() != input.len() {
        let message = format!("a post factor of {} values for {}", d_out.len(), input.len());
        return Err(Error::shape("batch norm", message));
    }
    let (device, channels) = (input.device(), moments.mean.len());
    let d_bias = ops::column_sums(d_out, channels)?;
    let d_weight = sums(input, Some(d_out), &moments.mean, &moments.variance)?;
    let mut d_input = Buffer::unset(device, input.len())?;
    let share = 1.0 / (input.len() / channels.max(1)).max(1) as f32;
    let launch = Launch::new(device, &KERNELS, "norm_backward")?
        .pointer(input.pointer()?)
        .pointer(d_out.pointer()?)
        .pointer(moments.mean.pointer()?)
        .pointer(moments.variance.pointer()?)
        .pointer(weight.pointer()?)
        .pointer(d_weight.pointer()?)
        .pointer(d_bias.pointer()?)
        .value(EPSILON)
        .pointer(d_input.pointer_mut()?)
        .value(share)
        .value(size(channels)?)
        .value(input.len() as u64);
    // SAFETY: the arguments are those of `norm_backward` in kernel.cu, one value per thread; lengths were
    // checked.
    unsafe { launch.each(input.len())? };
    Ok([d_input, d_weight, d_bias])
}
