//! First layers: few inputs per output, so writing the output takes most of the time.

use super::epilogue::Unrouted;
use super::shape::{Shape, threads};
use crate::device::Buffer;
use crate::device::cuda::{Kernels, Launch, Values};
use crate::ops::conv::{Geometry, Pool};
use crate::{Error, Result, ops};

/// The kernels for this many inputs per output; each is compiled at first use.
macro_rules! kernels {
    ($inputs:literal) => {
        Kernels {
            name: concat!("plasticity_direct_", $inputs),
            source: concat!(
                "#define K ",
                $inputs,
                "\n",
                include_str!("../../../device/cuda/half.cuh"),
                include_str!("map.cuh"),
                include_str!("direct.cu")
            ),
            functions: &FUNCTIONS,
        }
    };
}

const FUNCTIONS: [&str; 5] =
    ["direct_single", "direct_half", "direct_outer_single", "direct_outer_half", "part_weight_and_bias"];
/// 3×3 on grey and on colour, 10 samples of sound.
static KERNELS: [(usize, Kernels); 3] = [(9, kernels!(9)), (10, kernels!(10)), (27, kernels!(27))];

/// Whether there are kernels for this many inputs per output.
pub(super) fn suits(g: &Geometry, pool: Option<&Pool>) -> bool {
    let channels = g.out_channels.is_multiple_of(4)
        && g.out_channels / 4 <= THREADS
        && THREADS.is_multiple_of((g.out_channels / 4).max(1));
    pool.is_none() && channels && kernels(g).is_ok()
}

/// Threads of a block: `DIRECT_THREADS` of direct.cu.
const THREADS: usize = 256;
/// Blocks of the forward kernel: more than any GPU runs at once.
const BLOCKS: usize = 4096;
/// Blocks of the outer product: eight for each multiprocessor of the largest GPUs. It does not depend on the GPU in
/// use, so that sums have the same order on all GPUs.
const OUTER_BLOCKS: usize = 1536;
/// The least number of rows that a block of the outer product sums, so that it writes much less than it reads.
const LEAST_DEPTH: usize = 64;

fn kernels(g: &Geometry) -> Result<&'static Kernels> {
    let inputs = g.taps() * g.in_channels;
    let found = KERNELS.iter().find(|(of, _)| *of == inputs);
    let missing = || Error::shape("convolution", format!("no direct kernel for {inputs} inputs"));
    found.map(|(_, kernels)| kernels).ok_or_else(missing)
}

fn rows(g: &Geometry) -> usize {
    g.samples * g.output().iter().product::<usize>()
}

/// Convolution, bias and ReLU in one pass, in `f32`.
pub(super) fn forward(
    g: &Geometry,
    relu: bool,
    input: &Buffer,
    weight: &Buffer,
    bias: &Buffer,
) -> Result<Buffer> {
    let (device, values) = (input.device(), input.device().values());
    let name = if values == Values::Half { "direct_half" } else { "direct_single" };
    let out = Buffer::unset_as(device, g.samples * g.output_len(), values)?;
    let lanes = THREADS / (g.out_channels / 4);
    let launch = Launch::new(device, kernels(g)?, name)?
        .pointer(input.pointer()?)
        .pointer(weight.pointer()?)
        .pointer(bias.pointer()?)
        .pointer(out.pointer_as(values)?)
        .value(Shape::of(g)?)
        .value(i32::from(relu))
        .value(threads(rows(g))?);
    // SAFETY: the arguments are those of `direct` in direct.cu; THREADS is a multiple of out_channels / 4 (`suits`).
    unsafe { launch.run([rows(g).div_ceil(lanes).min(BLOCKS), 1, 1], [THREADS as u32, 1, 1], 0)? };
    Ok(out)
}

/// The outer product, with the post factor carried back in the same kernel; in `f32`.
pub(super) fn outer(g: &Geometry, input: &Buffer, unrouted: &Unrouted) -> Result<(Buffer, Buffer)> {
    let device = input.device();
    let name = if unrouted.values() == Values::Half { "direct_outer_half" } else { "direct_outer_single" };
    let inputs = g.taps() * g.in_channels;
    let depth = rows(g).div_ceil(OUTER_BLOCKS).max(LEAST_DEPTH);
    let blocks = rows(g).div_ceil(depth);
    let mut parts = Buffer::unset(device, blocks * g.out_channels * (inputs + 1))?;
    let launch = Launch::new(device, kernels(g)?, name)?
        .pointer(input.pointer()?)
        .value(unrouted.post()?)
        .pointer(unrouted.marks()?)
        .pointer(parts.pointer_mut()?)
        .value(Shape::of(g)?)
        .value(threads(rows(g))?)
        .value(threads(depth)?);
    // SAFETY: the arguments are those of `direct_outer` in direct.cu; `parts` has a run for every block; THREADS is a
    // multiple of out_channels / 4 (`suits`).
    unsafe { launch.run([blocks, 1, 1], [THREADS as u32, 1, 1], 0)? };
    let count = g.out_channels * (inputs + 1);
    let sums = ops::column_sums(&parts, count)?;
    let (mut weight, mut bias) =
        (Buffer::unset(device, g.weights())?, Buffer::unset(device, g.out_channels)?);
    let launch = Launch::new(device, kernels(g)?, "part_weight_and_bias")?
        .pointer(sums.pointer()?)
        .pointer(weight.pointer_mut()?)
        .pointer(bias.pointer_mut()?)
        .value(threads(inputs)?)
        .value(threads(count)?);
    // SAFETY: (sums, weight, bias, inputs, count), one of the (inputs + 1) · out_channels sums a thread.
    unsafe { launch.each(count)? };
    Ok((weight, bias))
}
