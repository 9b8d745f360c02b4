//! Feedback of a post factor to the layer below, inside a module.

use rayon::prelude::*;

use super::forward::Convolution;
use super::im2col::Im2col;
use super::lowering::{Activation, Lowering};
use super::matmul::panel_width;
use super::panels::Panels;
use super::plan::{Path, Plan, lowering};
use super::unroute::Unroute;
use super::{Geometry, direct};
use crate::bf16::Arithmetic;
use crate::device::Scratch;

/// Rows of a block of patches.
const BLOCK_ROWS: usize = 96;

/// `d_input[p, i] = Σ_{tap, o} w[tap, i, o] · post[p − tap, o]`, where the post factor has passed
/// back through pool and ReLU (see `unroute.rs`). Uses the plan for `g`. Overwrites `d_input`.
///
/// # Shapes
/// `weight` `[t, y, x, in, out]`, `d_input` `[samples, t, y, x, in]`.
///
/// # Panics
/// If a slice does not fit `g`.
pub(super) fn feedback(plan: Plan, g: &Geometry, weight: &[f32], unroute: &Unroute<'_>, d_input: &mut [f32]) {
    assert_eq!(d_input.len(), g.samples * g.input_len(), "length of the input");
    assert_eq!(weight.len(), g.weights(), "length of the weights");
    if unroute.is_empty() {
        d_input.fill(0.0);
        return;
    }
    match plan.path {
        Path::Direct => {
            if let Arithmetic::Half(kernel) = plan.arithmetic {
                direct::feedback(kernel, g, weight, unroute, d_input);
            }
        }
        // If the layer has no padding, its feedback needs more padding than tiles can read.
        path if path == Path::Im2col || g.padding == [0, 0, 0] => {
            let patches = Patches::new(g, plan.arithmetic, weight);
            in_chunks(g, patches.samples(), unroute, d_input, |dense, d_input| {
                patches.run(dense, d_input);
            });
        }
        _ => {
            let mirror = Geometry { in_channels: g.out_channels, out_channels: g.in_channels, ..*g };
            let lowering = lowering(plan.path, &mirror);
            let flipped = flip(g, weight);
            let activation = Activation { bias: None, relu: false };
            let convolution = Convolution::new(&*lowering, plan.arithmetic, &flipped, activation);
            in_chunks(g, convolution.samples(), unroute, d_input, |dense, d_input| {
                convolution.run(dense, g.output_len(), d_input);
            });
        }
    }
}

/// Calls `work` with the unrouted post factor and the input maps of `samples` samples at a time.
fn in_chunks(
    g: &Geometry,
    samples: usize,
    unroute: &Unroute<'_>,
    d_input: &mut [f32],
    work: impl Fn(&[f32], &mut [f32]) + Sync,
) {
    let (input_len, map_len) = (g.input_len(), g.output_len());
    d_input.par_chunks_mut(samples * input_len).enumerate().for_each(|(chunk, d_input)| {
        let mut dense = Scratch::new(d_input.len() / input_len * map_len);
        for (s, dense) in dense.chunks_mut(map_len).enumerate() {
            unroute.sample(chunk * samples + s, dense, None);
        }
        work(&dense, d_input);
    });
}

/// Weights `[tap, in, out]` with taps reversed and channels exchanged: `[tap, out, in]`.
fn flip(g: &Geometry, weight: &[f32]) -> Scratch {
    let (incoming, outgoing) = (g.in_channels, g.out_channels);
    let mut flipped = Scratch::new(weight.len());
    let taps = weight.par_chunks(incoming * outgoing);
    flipped.par_chunks_mut(incoming * outgoing).rev().zip(taps).for_each(|(flipped, tap)| {
        transpose(tap, incoming, outgoing, flipped);
    });
    flipped
}

/// `[rows, columns]` to `[columns, rows]`, in squares that fit the cache.
fn transpose(from: &[f32], rows: usize, columns: usize, to: &mut [f32]) {
    const SIDE: usize = 16;
    for first in (0..rows).step_by(SIDE) {
        for start in (0..columns).step_by(SIDE) {
            for column in start..(start + SIDE).min(columns) {
                for row in first..(first + SIDE).min(rows) {
                    to[column * rows + row] = from[row * columns + column];
                }
            }
        }
    }
}

/// Feedback by patches: `post · wᵀ` gives a patch for every output position, which is added to the input map.
struct Patches {
    lowering: Im2col,
    depth: usize,
    width: usize,
    channels: usize,
    /// `wᵀ` in panels `[panel, out, width]` along the patch.
    weight: Panels,
}

impl Patches {
    fn new(g: &Geometry, arithmetic: Arithmetic, weight: &[f32]) -> Self {
        let lowering = Im2col::new(g);
        let rows = lowering.weight_rows();
        let (depth, channels) = (rows.len(), g.out_channels);
        let width = panel_width(depth);
        let shape = [depth.div_ceil(width), 1, channels, width];
        let weight = Panels::new(arithmetic, shape, |panel, out| {
            out.fill(0.0);
            for (k, row) in rows.iter().skip(panel * width).take(width).enumerate() {
                for (o, value) in weight[row * channels..][..channels].iter().enumerate() {
                    out[o * width + k] = *value;
                }
            }
        });
        Self { lowering, depth, width, channels, weight }
    }

    /// The number of samples to process together; it depends only on the shape.
    fn samples(&self) -> usize {
        (BLOCK_ROWS / self.lowering.rows()).max(1)
    }

    fn run(&self, dense: &[f32], d_input: &mut [f32]) {
        let Self { lowering, depth, width, channels, weight } = self;
        d_input.fill(0.0);
        let mut packed = weight.room(BLOCK_ROWS);
        let mut panel = Scratch::new(BLOCK_ROWS * width);
        let mut patches = Scratch::new(BLOCK_ROWS * depth);
        for (block, dense) in dense.chunks(BLOCK_ROWS * channels).enumerate() {
            let count = dense.len() / channels;
            let panel = &mut panel[..count * width];
            let left = weight.rows(dense, &mut packed);
            for k in 0..weight.count() {
                weight.multiply(left, 0..count, k, 0, panel);
                let first = k * width;
                let length = (*width).min(depth - first);
                for (patch, row) in patches.chunks_mut(*depth).zip(panel.chunks(*width)) {
                    patch[first..first + length].copy_from_slice(&row[..length]);
                }
            }
            let start = block * BLOCK_ROWS;
            lowering.scatter(&patches, start..start + count, d_input);
        }
    }
}
