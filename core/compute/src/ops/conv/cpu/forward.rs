//! Forward pass of a layer.

use rayon::prelude::*;

use super::lowering::{Activation, Lowering};
use super::matmul::rows_by_panel;
use super::plan::{Path, lowering, plan};
use super::pool::{Routing, Window};
use super::{Geometry, Pool, wide};
use crate::device::Scratch;

/// Rows of a block of products: few, so that the operands stay in the second-level cache.
const BLOCK_ROWS: usize = 48;
/// Rows of a block where the weights are so many that each read of them has to pay.
const BLOCK_ROWS_OF_MANY: usize = 96;
/// From how many transformed weights on that is so.
const MANY: usize = 8 << 20;

/// `y = pool(relu(w ∗ x + b))`.
///
/// # Shapes
/// `input` `[samples, t, y, x, in]`, `weight` `[t, y, x, in, out]`, `bias` `[out]`, `output`
/// `[samples, g.pooled(pool), out]`, which is overwritten.
///
/// # Panics
/// If a slice does not fit `g`.
#[allow(clippy::too_many_arguments)]
pub fn forward(
    g: &Geometry,
    pool: Option<&Pool>,
    relu: bool,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    output: &mut [f32],
) -> Routing {
    if pool.is_none() && wide::suits(g) {
        wide::forward(g, relu, input, weight, bias, output);
        return Routing::default();
    }
    forward_by(plan(g), g, pool, relu, input, weight, bias, output)
}

/// [`forward`] by a given path, which must suit `g`.
#[allow(clippy::too_many_arguments)]
pub(super) fn forward_by(
    path: Path,
    g: &Geometry,
    pool: Option<&Pool>,
    relu: bool,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    output: &mut [f32],
) -> Routing {
    let channels = g.out_channels;
    let pooled_len = g.pooled(pool).iter().product::<usize>() * channels;
    assert_eq!(input.len(), g.samples * g.input_len(), "length of the input");
    assert_eq!(weight.len(), g.weights(), "length of the weights");
    assert_eq!(bias.len(), channels, "length of the bias");
    assert_eq!(output.len(), g.samples * pooled_len, "length of the output");
    let mut codes = vec![0; if pool.is_some() { output.len() } else { 0 }];
    if output.is_empty() {
        return Routing { codes };
    }
    let lowering = lowering(path, g);
    let activation = Activation { bias: Some(bias), relu };
    let convolution = Convolution::new(&*lowering, weight, activation);
    let window = pool.map(|pool| Window::new(g.output(), channels, *pool));

    // A row's sums do not know which others are handled with it, so that threads may share them as they like.
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
                window.pool(map, pooled, codes, relu);
            }
        }
    });
    Routing { codes }
}

/// A convolution with its weights made ready.
pub(super) struct Convolution<'a> {
    lowering: &'a dyn Lowering,
    weight: Scratch,
    activation: Activation<'a>,
}

impl<'a> Convolution<'a> {
    pub(super) fn new(lowering: &'a dyn Lowering, weight: &[f32], activation: Activation<'a>) -> Self {
        Self { lowering, weight: lowering.weight(weight), activation }
    }

    /// Samples worth handling together, by the shape alone.
    pub(super) fn samples(&self) -> usize {
        (self.block() / self.lowering.rows().max(1)).max(1)
    }

    /// Rows of a block of products.
    fn block(&self) -> usize {
        if self.weight.len() < MANY { BLOCK_ROWS } else { BLOCK_ROWS_OF_MANY }
    }

    /// Maps `[sample, position, in]` of `input_len` values a sample to `[sample, position, out]`.
    pub(super) fn run(&self, input: &[f32], input_len: usize, maps: &mut [f32]) {
        let lowering = self.lowering;
        let (products, depth, width) = (lowering.products(), lowering.depth(), lowering.width());
        let rows = input.len() / input_len * lowering.rows();
        let block = self.block().min(rows);
        let mut operands = Scratch::new(products * block * depth);
        let mut results = Scratch::new(products * block * width);
        for start in (0..rows).step_by(block) {
            let rows = start..(start + block).min(rows);
            let count = rows.len();
            let operands = &mut operands[..products * count * depth];
            let results = &mut results[..products * count * width];
            lowering.input(input, rows.clone(), operands);
            for (panel, weight) in self.weight.chunks_exact(products * depth * width).enumerate() {
                for product in 0..products {
                    rows_by_panel(
                        &operands[product * count * depth..][..count * depth],
                        &weight[product * depth * width..][..depth * width],
                        &mut results[product * count * width..][..count * width],
                        depth,
                        width,
                    );
                }
                lowering.output(results, rows.clone(), panel, self.activation, maps);
            }
        }
    }
}
