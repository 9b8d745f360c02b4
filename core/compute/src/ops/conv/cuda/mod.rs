//! Convolution kernels for CUDA: forward, outer product and feedback on channels-last maps.
//!
//! The same three stages as on the CPU, with the same signatures on [`Buffer`]s. Weights have the memory layout
//! `[out, tap_t, tap_y, tap_x, in]` ([`weight_order`]), so that both operands of a product are contiguous along the
//! summed axis. A layer uses one of four implementations:
//!
//! - few inputs per output, no pool (first layers): our own kernel, limited by the memory that it writes;
//! - maps with at most as many positions as the kernel has taps (2×2 with 3×3): one matrix product, without padding;
//! - one step of the kernel in time, and cuDNN available: its implicit matrix products on tensor cores;
//! - else: patches copied to rows, and matrix products by cuBLAS.
//!
//! Bias, ReLU, pool and routing are one pass over the product. At bf16 every map is bfloat16 in memory, and patches
//! and post factors are too; sums are `f32`. cuDNN then rounds its results to bfloat16, including the updates of
//! weights; the other implementations return `f32`. The order of sums never depends on timing.

mod cudnn;
mod dense;
mod direct;
mod epilogue;
mod patches;
mod shape;

pub use shape::Routing;

use super::{Backward, Factor, Geometry, Pool};
use crate::device::cuda::Kernels;
use crate::device::{Buffer, Device};
use crate::{Error, Result};
use cudnn::Stage;
use epilogue::Unrouted;

static KERNELS: Kernels = Kernels {
    name: "plasticity_conv",
    source: concat!(
        include_str!("../../../device/cuda/half.cuh"),
        include_str!("map.cuh"),
        include_str!("conv.cu")
    ),
    functions: &[
        "im2col_single_4",
        "im2col_single_1",
        "im2col_half_4",
        "im2col_half_1",
        "col2im",
        "expand_single_4",
        "expand_single_1",
        "expand_half_4",
        "expand_half_1",
        "fold",
        "pool_single_4",
        "pool_single_1",
        "pool_half_4",
        "pool_half_1",
        "unroute_single_4",
        "unroute_single_1",
        "unroute_half_4",
        "unroute_half_1",
        "unroute_2x2_single_4",
        "unroute_2x2_single_1",
        "unroute_2x2_half_4",
        "unroute_2x2_half_1",
        "bias_sums_single",
        "bias_sums_half",
    ],
};

/// The order in memory of the axes `[out, in, taps…]` of weights: `out` first, then taps, `in` fastest.
pub fn weight_order(rank: usize) -> Vec<usize> {
    std::iter::once(0).chain(2..rank).chain(std::iter::once(1)).collect()
}

/// `y = pool(relu(w ∗ x + b))`, and the routing of the pool.
///
/// # Shapes
/// `input` `[samples, t, y, x, in]`, `weight` in [`weight_order`], `bias` `[out]`; gives `[samples, g.pooled(pool), out]`.
///
/// # Errors
/// If a buffer does not fit `g`, or the device refuses.
pub fn forward(
    g: &Geometry,
    pool: Option<&Pool>,
    relu: bool,
    input: &Buffer,
    weight: &Buffer,
    bias: &Buffer,
) -> Result<(Buffer, Routing)> {
    fits("input", input.len(), g.samples * g.input_len())?;
    fits("weight", weight.len(), g.weights())?;
    fits("bias", bias.len(), g.out_channels)?;
    if g.samples * g.output_len() == 0 {
        return Ok((Buffer::zeros(input.device(), 0)?, Routing::default()));
    }
    if direct::suits(g, pool) {
        return Ok((direct::forward(g, relu, input, weight, bias)?, Routing::default()));
    }
    let raw = if dense::suits(g) {
        dense::forward(g, input, weight)?
    } else {
        match cudnn::run(Stage::Forward, g, input, weight)? {
            Some(raw) => raw,
            None => patches::forward(g, input, weight)?,
        }
    };
    epilogue::activate(g, pool, relu, raw, bias)
}

/// [`outer`], and [`feedback`] if weights are given; common intermediate results are computed once.
///
/// # Errors
/// As these functions.
pub fn backward(
    call: &Backward,
    input: &Buffer,
    weight: Option<&Buffer>,
) -> Result<(Buffer, Buffer, Option<Buffer>)> {
    let unrouted = Unrouted::new(call)?;
    let (d_weight, d_bias) = outer_of(call, &unrouted, input)?;
    let d_input = weight.map(|weight| feedback_of(call, &unrouted, weight)).transpose()?;
    Ok((d_weight, d_bias, d_input))
}

/// `ΔW[out, tap, in] = Σ_{sample, position} post[position, out] · x[position + tap, in]` and
/// `Δb[out] = Σ post[position, out]`, the post factor led through pool and ReLU.
///
/// # Shapes
/// `input`, `call.output` and `call.routing` as in and from [`forward`]; gives the shapes of weight and bias.
///
/// # Errors
/// If a buffer does not fit `g`, or the device refuses.
pub fn outer(call: &Backward, input: &Buffer) -> Result<(Buffer, Buffer)> {
    outer_of(call, &Unrouted::new(call)?, input)
}

fn outer_of(call: &Backward, unrouted: &Unrouted, input: &Buffer) -> Result<(Buffer, Buffer)> {
    let g = call.geometry;
    fits("input", input.len(), g.samples * g.input_len())?;
    let device = input.device();
    if g.samples * g.output_len() == 0 || call.output.is_empty() {
        return Ok((Buffer::zeros(device, g.weights())?, Buffer::zeros(device, g.out_channels)?));
    }
    if direct::suits(g, call.pool) {
        return direct::outer(g, input, unrouted);
    }
    let bias = unrouted.bias()?;
    let map = unrouted.map()?;
    let weight = if dense::suits(g) {
        dense::outer(g, input, map)?
    } else {
        match cudnn::run(Stage::Outer, g, input, map)? {
            Some(weight) => weight,
            None => patches::outer(g, input, map)?,
        }
    };
    Ok((weight, bias))
}

/// `d_input[p, in] = Σ_{tap, out} w[out, tap, in] · post[p − tap, out]`, the post factor led through pool and ReLU.
///
/// # Shapes
/// `call.output` and `call.routing` as from [`forward`], `weight` in [`weight_order`]; gives `[samples, t, y, x, in]`.
///
/// # Errors
/// If a buffer does not fit `g`, or the device refuses.
pub fn feedback(call: &Backward, weight: &Buffer) -> Result<Buffer> {
    feedback_of(call, &Unrouted::new(call)?, weight)
}

fn feedback_of(call: &Backward, unrouted: &Unrouted, weight: &Buffer) -> Result<Buffer> {
    let g = call.geometry;
    fits("weight", weight.len(), g.weights())?;
    if g.samples * g.output_len() == 0 || call.output.is_empty() {
        return Buffer::zeros(weight.device(), g.samples * g.input_len());
    }
    let map = unrouted.map()?;
    if dense::suits(g) {
        return dense::feedback(g, weight, map);
    }
    match cudnn::run(Stage::Feedback, g, weight, map)? {
        Some(input) => Ok(input),
        None => patches::feedback(g, weight, map),
    }
}

/// Pools the output of `geometry`'s convolution.
///
/// # Errors
/// If the buffer does not fit, or the device refuses.
pub fn max_pool(geometry: &Geometry, pool: &Pool, input: &Buffer) -> Result<(Buffer, Routing)> {
    fits("map", input.len(), geometry.samples * geometry.output_len())?;
    if geometry.samples * geometry.pooled(Some(pool)).iter().product::<usize>() == 0 {
        return Ok((Buffer::zeros(input.device(), 0)?, Routing::default()));
    }
    epilogue::pool(geometry, pool, input)
}

/// The post factor of the input of [`max_pool`]: the post factor of its output, sent back to the winners.
///
/// # Errors
/// If the buffer does not fit, or the device refuses.
pub fn max_unpool(geometry: &Geometry, pool: &Pool, routing: &Routing, factor: &Buffer) -> Result<Buffer> {
    if factor.is_empty() {
        return Buffer::zeros(factor.device(), geometry.samples * geometry.output_len());
    }
    let call = Backward {
        geometry,
        pool: Some(pool),
        relu: false,
        output: factor,
        routing,
        factor: Factor::PerPosition(factor),
        shard: false,
    };
    Unrouted::new(&call)?.map().cloned()
}

/// The library that computes convolutions, or why there is none, for reports.
pub fn library(device: &Device) -> String {
    cudnn::describe(device)
}

fn fits(what: &str, got: usize, expected: usize) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::shape("convolution", format!("the {what} holds {got} values, expected {expected}")))
}
