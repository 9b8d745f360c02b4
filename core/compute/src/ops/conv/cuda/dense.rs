//! Small maps: if a map has at most as many positions as the kernel has taps, every output position
//! sees (nearly) every input position. Then the convolution is one matrix
//! `[out position, out] × [in position, in]`. With a 3×3 kernel, a 2×2 map needs 16 products of
//! channels in this way, and 36 with padding.

use super::KERNELS;
use super::epilogue::kernel;
use super::shape::{Shape, threads};
use crate::Result;
use crate::device::Buffer;
use crate::device::cuda::{Launch, Values};
use crate::ops::conv::Geometry;
use crate::ops::product::gemm::{Gemm, gemm};

/// The largest size of the matrix.
const MOST: usize = 1 << 28;

/// Rows and columns of the matrix.
fn sides(g: &Geometry) -> [usize; 2] {
    [g.output_len(), g.input_len()]
}

/// Whether the matrix costs no more products than the convolution.
pub(super) fn suits(g: &Geometry) -> bool {
    let [rows, columns] = sides(g);
    g.input.iter().product::<usize>() <= g.taps() && rows.saturating_mul(columns) <= MOST
}

/// The matrix `[out position, out, in position, in]`.
fn matrix(g: &Geometry, weight: &Buffer, values: Values) -> Result<Buffer> {
    let [rows, columns] = sides(g);
    let to = Buffer::unset_as(weight.device(), rows * columns, values)?;
    let (name, wide) = kernel!(values, g.in_channels, "expand");
    let count = rows * columns / wide;
    let launch = Launch::new(weight.device(), &KERNELS, name)?
        .pointer(weight.pointer_as(values)?)
        .pointer(to.pointer_as(values)?)
        .value(Shape::of(g)?)
        .value(threads(count)?);
    // SAFETY: the arguments are those of `expand` in conv.cu; `to` has room for the whole matrix.
    unsafe { launch.each(count)? };
    Ok(to)
}

/// The convolution's output, without bias.
pub(super) fn forward(g: &Geometry, input: &Buffer, weight: &Buffer) -> Result<Buffer> {
    let (device, values) = (input.device(), input.device().values());
    let [n, k] = sides(g);
    let matrix = matrix(g, weight, values)?;
    let out = Buffer::unset_as(device, g.samples * n, values)?;
    let product = Gemm {
        m: g.samples,
        n,
        k,
        transpose_a: false,
        transpose_b: true,
        accumulate: false,
        operands: values,
        result: values,
    };
    let (a, b) = (input.pointer_as(values)?, matrix.pointer_as(values)?);
    // SAFETY: the input is m × k, the matrix n × k, the output m × n.
    unsafe { gemm(device, product, a, b, out.pointer_as(values)?)? };
    Ok(out)
}

/// The outer product with a post factor at every position of the convolution's output.
pub(super) fn outer(g: &Geometry, input: &Buffer, post: &Buffer) -> Result<Buffer> {
    let (device, values) = (input.device(), post.values());
    let [m, n] = sides(g);
    let mut sums = Buffer::unset(device, m * n)?;
    let product = Gemm {
        m,
        n,
        k: g.samples,
        transpose_a: true,
        transpose_b: false,
        accumulate: false,
        operands: values,
        result: Values::Single,
    };
    let (a, b) = (post.pointer_as(values)?, input.pointer_as(values)?);
    // SAFETY: the factor is k × m, the input k × n, the sums m × n.
    unsafe { gemm(device, product, a, b, sums.pointer_mut()?)? };
    let mut weight = Buffer::unset(device, g.weights())?;
    let launch = Launch::new(device, &KERNELS, "fold")?
        .pointer(sums.pointer()?)
        .pointer(weight.pointer_mut()?)
        .value(Shape::of(g)?)
        .value(threads(g.weights())?);
    // SAFETY: (sums, weight, shape, count), one weight per thread.
    unsafe { launch.each(g.weights())? };
    Ok(weight)
}

/// The feedback to the input map from a post factor at every position of the convolution's output.
pub(super) fn feedback(g: &Geometry, weight: &Buffer, post: &Buffer) -> Result<Buffer> {
    let (device, values) = (weight.device(), post.values());
    let [k, n] = sides(g);
    let matrix = matrix(g, weight, values)?;
    let mut map = Buffer::unset(device, g.samples * n)?;
    let product = Gemm {
        m: g.samples,
        n,
        k,
        transpose_a: false,
        transpose_b: false,
        accumulate: false,
        operands: values,
        result: Values::Single,
    };
    let (a, b) = (post.pointer_as(values)?, matrix.pointer_as(values)?);
    // SAFETY: the factor is m × k, the matrix k × n, the map m × n.
    unsafe { gemm(device, product, a, b, map.pointer_mut()?)? };
    Ok(map)
}
