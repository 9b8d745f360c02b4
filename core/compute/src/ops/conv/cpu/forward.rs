//! Forward pass of a layer.

use rayon::prelude::*;

use super::lowering::{Activation, Lowering};
use super::panels::Panels;
use super::plan::{Path, Plan, lowering};
use super::pool::{Routing, Window};
use super::{Geometry, Pool, direct, wide};
use crate::bf16::Arithmetic;
use crate::device::Scratch;

/// Rows of a block of products: few, so that the operands stay in the second-level cache.
const BLOCK_ROWS: usize = 48;
/// Rows of a block if there are many weights, so that each read of the weights is used often.
const BLOCK_ROWS_OF_MANY: usize = 96;
/// Rows of a block of packed operands, in whole tiles.
const PACKED_ROWS: usize = 64;
/// The least number of transformed weights that counts as many.
const MANY: usize = 8 << 20;

/// `y = pool(activation(w ∗ x))`, by the plan for `g`.
///
/// # Shapes
/// `input` `[samples, t, y, x, in]`, `weight` `[t, y, x, in, out]`, `output`
/// `[samples, g.pooled(pool), out]`, which is overwritten.
///
/// # Panics
/// If a slice does not fit `g`.
pub(super) fn forward(
    plan: Plan,
    g: &Geometry,
    pool: Option<&Pool>,
    input: &[f32],
    weight: &[f32],
    activation: Activation<'_>,
    output: &mut [f32],
) -> Routing {
    if pool.is_none() && wide::suits(plan, g) {
        wide::forward(plan, g, input, weight, activation, output);
        return Routing::default();
    }
    forward_by(plan, g, pool, input, weight, activation, output)
}

/// [`forward`] of all outgoing channels at once.
pub(super) fn forward_by(
    plan: Plan,
    g: &Geometry,
    pool: Option<&Pool>,
    input: &[f32],
    weight: &[f32],
    activation: Activation<'_>,
    output: &mut [f32],
) -> Routing {
    let channels = g.out_channels;
    let pooled_len = g.pooled(pool).iter().product::<usize>() * channels;
    assert_eq!(input.len(), g.samples * g.input_len(), "length of the input");
    assert_eq!(weight.len(), g.weights(), "length of the weights");
    assert_eq!(activation.bias.map_or(channels, <[f32]>::len), channels, "length of the bias");
    assert_eq!(output.len(), g.samples * pooled_len, "length of the output");
    if output.is_empty() {
        return Routing::default();
    }
    if let (Path::Direct, Arithmetic::Half(kernel)) = (plan.path, plan.arithmetic) {
        return direct::forward(kernel, g, pool, input, weight, activation, output);
    }
    let mut codes = vec![0; if pool.is_some() { output.len() } else { 0 }];
    let lowering = lowering(plan.path, g);
    let convolution = Convolution::new(&*lowering, plan.arithmetic, weight, activation);
    let window = pool.map(|pool| Window::new(g.output(), channels, *pool));

    // The sums of a row do not depend on the other rows in its block, so rows can be divided among threads in any way.
    let samples = convolution.samples().min(g.samples.div_ceil(rayon::current_num_threads()));
    let mut codes_left = codes.chunks_mut(samples * pooled_len);
    let chunks: Vec<_> = input
        .chunks(samples * g.input_len())
        .zip(output.chunks_mut(samples * pooled_len))
        .map(|(input, output)| (input, output, codes_left.next().unwrap_or_default()))
        .collect();
    chunks.into_par_iter().for_each(|(input, output, codes)| match &window {
        None => convolution.run(input, g.input_len(), output),
        Some(window) => {
            let mut maps = Scratch::new(input.len() / g.input_len() * window.map_len());
            convolution.run(input, g.input_len(), &mut maps);
            let pooled = output.chunks_mut(pooled_len).zip(codes.chunks_mut(pooled_len));
            for (map, (pooled, codes)) in maps.chunks(window.map_len()).zip(pooled) {
                window.pool(map, pooled, codes, activation.relu);
            }
        }
    });
    Routing { codes }
}

/// A convolution with prepared weights.
pub(super) struct Convolution<'a> {
    lowering: &'a dyn Lowering,
    weight: Panels,
    activation: Activation<'a>,
}

impl<'a> Convolution<'a> {
    pub(super) fn new(
        lowering: &'a dyn Lowering,
        arithmetic: Arithmetic,
        weight: &[f32],
        activation: Activation<'a>,
    ) -> Self {
        let shape = [lowering.panels(), lowering.products(), lowering.depth(), lowering.width()];
        let weight = Panels::new(arithmetic, shape, |panel, out| lowering.weight(weight, panel, out));
        Self { lowering, weight, activation }
    }

    /// The number of samples to process together; it depends only on the shape.
    pub(super) fn samples(&self) -> usize {
        (self.block() / self.lowering.rows().max(1)).max(1)
    }

    /// Rows of a block of products.
    fn block(&self) -> usize {
        match (self.weight.len() < MANY, self.weight.arithmetic()) {
            (false, _) => BLOCK_ROWS_OF_MANY,
            (true, Arithmetic::Single) => BLOCK_ROWS,
            (true, Arithmetic::Half(_)) => PACKED_ROWS,
        }
    }

    /// Maps `[sample, position, in]` of `input_len` values a sample to `[sample, position, out]`.
    pub(super) fn run(&self, input: &[f32], input_len: usize, maps: &mut [f32]) {
        let lowering = self.lowering;
        let (products, depth, width) = (lowering.products(), lowering.depth(), lowering.width());
        let rows = input.len() / input_len * lowering.rows();
        let block = self.block().min(rows);
        let mut operands = Scratch::new(products * block * depth);
        let mut packed = self.weight.room(products * block);
        let mut results = Scratch::new(products * block * width);
        for start in (0..rows).step_by(block) {
            let rows = start..(start + block).min(rows);
            let count = rows.len();
            let operands = &mut operands[..products * count * depth];
            let results = &mut results[..products * count * width];
            lowering.input(input, rows.clone(), operands);
            let left = self.weight.rows(operands, &mut packed);
            for panel in 0..self.weight.count() {
                for (product, results) in results.chunks_exact_mut(count * width).enumerate() {
                    let rows = product * count..(product + 1) * count;
                    self.weight.multiply(left, rows, panel, product, results);
                }
                lowering.output(results, rows.clone(), panel, self.activation, maps);
            }
        }
    }
}
