//! Any convolution: patches copied to rows, and matrix products by cuBLAS.

use super::KERNELS;
use super::epilogue::kernel;
use super::shape::{Shape, threads};
use crate::Result;
use crate::device::Buffer;
use crate::device::cuda::{Launch, Values};
use crate::ops::conv::Geometry;
use crate::ops::product::gemm::{Gemm, gemm};
use std::ops::Range;

/// The largest number of patch values in memory at a time (a single sample may need more).
const HELD: usize = 1 << 28;

/// Columns of a row of patches.
fn depth(g: &Geometry) -> usize {
    g.taps() * g.in_channels
}

fn positions(g: &Geometry) -> usize {
    g.output().iter().product()
}

/// Ranges of whole samples whose patches are in memory at a time.
fn runs(g: &Geometry) -> impl Iterator<Item = Range<usize>> {
    let samples = g.samples;
    let step = (HELD / (positions(g) * depth(g)).max(1)).max(1);
    (0..samples).step_by(step).map(move |first| first..(first + step).min(samples))
}

/// `[rows, taps · in]`: the patches of some samples.
fn patches(g: &Geometry, input: &Buffer, samples: Range<usize>, values: Values) -> Result<Buffer> {
    let len = samples.len() * positions(g) * depth(g);
    let to = Buffer::unset_as(input.device(), len, values)?;
    let (name, wide) = kernel!(values, g.in_channels, "im2col");
    let launch = Launch::new(input.device(), &KERNELS, name)?
        .pointer(input.pointer_as(values)?)
        .pointer(to.pointer_as(values)?)
        .value(Shape::of(g)?)
        .value((samples.start * positions(g)) as u64)
        .value(threads(len / wide)?);
    // SAFETY: the arguments are those of `im2col` in conv.cu; `to` has room for all rows of these samples.
    unsafe { launch.each(len / wide)? };
    Ok(to)
}

/// The convolution's output, without bias.
pub(super) fn forward(g: &Geometry, input: &Buffer, weight: &Buffer) -> Result<Buffer> {
    let (device, values) = (input.device(), input.device().values());
    let out = Buffer::unset_as(device, g.samples * g.output_len(), values)?;
    for samples in runs(g) {
        let rows = patches(g, input, samples.clone(), values)?;
        let product = Gemm {
            m: samples.len() * positions(g),
            n: g.out_channels,
            k: depth(g),
            transpose_a: false,
            transpose_b: true,
            accumulate: false,
            operands: values,
            result: values,
        };
        let to = out.pointer_as(values)? + values.bytes() * (samples.start * g.output_len()) as u64;
        // SAFETY: `rows` is m × k, the weights are n × k, and `out` has m · n values from `to` on.
        unsafe { gemm(device, product, rows.pointer_as(values)?, weight.pointer_as(values)?, to)? };
    }
    Ok(out)
}

/// The outer product with a post factor at every position of the convolution's output.
pub(super) fn outer(g: &Geometry, input: &Buffer, post: &Buffer) -> Result<Buffer> {
    let (device, values) = (input.device(), post.values());
    let mut sums = Buffer::unset(device, g.weights())?;
    let to = sums.pointer_mut()?;
    for samples in runs(g) {
        let rows = patches(g, input, samples.clone(), values)?;
        let product = Gemm {
            m: g.out_channels,
            n: depth(g),
            k: samples.len() * positions(g),
            transpose_a: true,
            transpose_b: false,
            accumulate: samples.start > 0,
            operands: values,
            result: Values::Single,
        };
        let from = post.pointer_as(values)? + values.bytes() * (samples.start * g.output_len()) as u64;
        // SAFETY: the factor of these samples is k × m, `rows` is k × n, and the weights are m × n.
        unsafe { gemm(device, product, from, rows.pointer_as(values)?, to)? };
    }
    Ok(sums)
}

/// The feedback to the input map from a post factor at every position of the convolution's output.
pub(super) fn feedback(g: &Geometry, weight: &Buffer, post: &Buffer) -> Result<Buffer> {
    let (device, values) = (weight.device(), post.values());
    let mut map = Buffer::unset(device, g.samples * g.input_len())?;
    for samples in runs(g) {
        let mut columns = Buffer::unset(device, samples.len() * positions(g) * depth(g))?;
        let product = Gemm {
            m: samples.len() * positions(g),
            n: depth(g),
            k: g.out_channels,
            transpose_a: false,
            transpose_b: false,
            accumulate: false,
            operands: values,
            result: Values::Single,
        };
        let from = post.pointer_as(values)? + values.bytes() * (samples.start * g.output_len()) as u64;
        // SAFETY: the factor of these samples is m × k, the weights are k × n, and `columns` m × n.
        unsafe { gemm(device, product, from, weight.pointer_as(values)?, columns.pointer_mut()?)? };
        let count = samples.len() * g.input_len();
        let launch = Launch::new(device, &KERNELS, "col2im")?
            .pointer(columns.pointer()?)
            .pointer(map.pointer_mut()? + 4 * (samples.start * g.input_len()) as u64)
            .value(Shape::of(g)?)
            .value(threads(count)?);
        // SAFETY: (columns, map, shape, count), one value of the map a thread, on the map of these samples.
        unsafe { launch.each(count)? };
    }
    Ok(map)
}
