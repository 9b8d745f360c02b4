//! Outer product of a post factor with the presynaptic input.

use rayon::prelude::*;

use super::geometry::{Geometry, Pool, Post};
use super::lowering::Lowering;
use super::matmul::columns_by_panel;
use super::plan::{Path, lowering, plan};
use super::pool::Routing;
use super::scratch::Scratch;
use super::unroute::Unroute;

/// Rows of a block of operands.
const BLOCK_ROWS: usize = 128;
/// Values of operands held at a time, when a single sample does not need more.
const OPERANDS: usize = 8 << 20;
/// Pieces of work there should be at least; few products are split further by rows.
const PIECES: usize = 16;

/// `ΔW[tap, i, o] = Σ_{sample, position} post[position, o] · x[position + tap, i]` and
/// `Δb[o] = Σ post[position, o]`, the post factor led through pool and ReLU (see
/// [`unroute`](super::unroute())). Both are overwritten.
///
/// # Shapes
/// `input`, `output` and `routing` as in and from [`forward`](super::forward()); `d_weight`
/// `[t, y, x, in, out]`, `d_bias` `[out]`.
///
/// # Panics
/// If a slice does not fit `g`.
#[allow(clippy::too_many_arguments)]
pub fn outer(
    g: &Geometry,
    pool: Option<&Pool>,
    relu: bool,
    input: &[f32],
    output: &[f32],
    routing: &Routing,
    post: Post<'_>,
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) {
    outer_by(plan(g), g, pool, relu, input, output, routing, post, d_weight, d_bias);
}

/// [`outer`] by a given path, which must suit `g`.
#[allow(clippy::too_many_arguments)]
pub(super) fn outer_by(
    path: Path,
    g: &Geometry,
    pool: Option<&Pool>,
    relu: bool,
    input: &[f32],
    output: &[f32],
    routing: &Routing,
    post: Post<'_>,
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) {
    assert_eq!(input.len(), g.samples * g.input_len(), "length of the input");
    assert_eq!(d_weight.len(), g.weights(), "length of the weights");
    assert_eq!(d_bias.len(), g.out_channels, "length of the bias");
    let unroute = Unroute::new(g, pool, relu, output, routing, post);
    if output.is_empty() {
        d_weight.fill(0.0);
        d_bias.fill(0.0);
        return;
    }
    let lowering = lowering(path, g);
    let mut sums = Sums::new(&*lowering);
    let mut biases = vec![0.0; g.samples * g.out_channels];
    let (input_len, map_len) = (g.input_len(), g.output_len());
    let samples = sums.samples(map_len);
    let mut dense = Scratch::new(samples.min(g.samples) * map_len);
    for (chunk, (input, biases)) in
        input.chunks(samples * input_len).zip(biases.chunks_mut(samples * g.out_channels)).enumerate()
    {
        let dense = &mut dense[..input.len() / input_len * map_len];
        dense.par_chunks_mut(map_len).zip(biases.par_chunks_mut(g.out_channels)).enumerate().for_each(
            |(s, (dense, bias))| {
                unroute.sample(chunk * samples + s, dense, Some(bias));
            },
        );
        sums.add(input, dense, input.len() / input_len * lowering.rows());
    }
    lowering.gradient(sums.total(), d_weight);
    d_bias.fill(0.0);
    for bias in biases.chunks(g.out_channels) {
        for (sum, value) in d_bias.iter_mut().zip(bias) {
            *sum += value;
        }
    }
}

/// Outer products summed over rows, `[slot, panel, product, depth, width]`. The slots take turns at
/// the blocks of rows and are added up last.
struct Sums<'a> {
    lowering: &'a dyn Lowering,
    slots: usize,
    sums: Scratch,
}

impl<'a> Sums<'a> {
    fn new(lowering: &'a dyn Lowering) -> Self {
        let pieces = lowering.panels() * lowering.products();
        let slots = PIECES.div_ceil(pieces);
        let sums = Scratch::zeros(slots * pieces * lowering.depth() * lowering.width());
        Self { lowering, slots, sums }
    }

    /// Values of both operands in one row.
    fn row_len(&self) -> usize {
        let lowering = self.lowering;
        lowering.products() * (lowering.depth() + lowering.panels() * lowering.width())
    }

    /// Samples whose operands are held at a time.
    fn samples(&self, map_len: usize) -> usize {
        (OPERANDS / (self.lowering.rows() * self.row_len() + map_len)).max(1)
    }

    /// Adds the outer products of `rows` rows of a post factor `dense` with the `input` maps.
    fn add(&mut self, input: &[f32], dense: &[f32], rows: usize) {
        let lowering = self.lowering;
        let (products, depth, width) = (lowering.products(), lowering.depth(), lowering.width());
        let (row_len, panels) = (self.row_len(), lowering.panels());
        let mut operands = Scratch::new(rows * row_len);
        operands.par_chunks_mut(BLOCK_ROWS * row_len).enumerate().for_each(|(block, operands)| {
            let rows = block * BLOCK_ROWS..block * BLOCK_ROWS + operands.len() / row_len;
            let (pre, post) = operands.split_at_mut(rows.len() * products * depth);
            lowering.input(input, rows.clone(), pre);
            lowering.post(dense, rows, post);
        });
        let (operands, slots) = (&*operands, self.slots);
        self.sums.par_chunks_mut(depth * width).enumerate().for_each(|(piece, sums)| {
            let (slot, piece) = (piece / (panels * products), piece % (panels * products));
            let product = piece % products;
            for operands in operands.chunks(BLOCK_ROWS * row_len).skip(slot).step_by(slots) {
                let rows = operands.len() / row_len;
                let (pre, post) = operands.split_at(rows * products * depth);
                let pre = &pre[product * rows * depth..][..rows * depth];
                let post = &post[piece * rows * width..][..rows * width];
                columns_by_panel(pre, post, sums, depth, width, true);
            }
        });
    }

    /// The sums `[panel, product, depth, width]`.
    fn total(&mut self) -> &[f32] {
        let length = self.sums.len() / self.slots;
        let (total, rest) = self.sums.split_at_mut(length);
        for slot in rest.chunks(length) {
            for (sum, value) in total.iter_mut().zip(slot) {
                *sum += value;
            }
        }
        total
    }
}
