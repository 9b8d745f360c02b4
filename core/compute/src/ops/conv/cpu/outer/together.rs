//! Many weights: the operands of a chunk of samples are made ready, then every piece of the sums takes
//! its products from all of them.

use rayon::prelude::*;

use super::{Work, row_len, sums_len};
use crate::device::Scratch;
use crate::ops::conv::cpu::matmul::columns_by_panel;

/// Rows of a block of operands.
const BLOCK_ROWS: usize = 64;
/// Values of operands held at a time, at least and (where a sample does not need more) at most; in
/// between as many as there are sums, since both are read once in a chunk.
const OPERANDS: (usize, usize) = (2 << 20, 8 << 20);
/// Pieces of work there should be at least.
const PIECES: usize = 16;

/// The sums of `work`, and `biases` `[sample, out]`.
pub(super) fn sum(work: &Work<'_>, biases: &mut [f32]) -> Scratch {
    let Work { g, lowering, unroute, input } = *work;
    let (input_len, map_len) = (g.input_len(), g.output_len());
    let mut sums = Scratch::zeros(sums_len(lowering));
    let sample_len = lowering.rows() * row_len(lowering) + map_len;
    let samples = (sums.len().clamp(OPERANDS.0, OPERANDS.1) / sample_len).clamp(1, g.samples);
    let mut dense = Scratch::new(samples * map_len);
    let mut operands = Scratch::new(samples * lowering.rows() * row_len(lowering));
    let chunks = input.chunks(samples * input_len);
    for (chunk, (input, biases)) in chunks.zip(biases.chunks_mut(samples * g.out_channels)).enumerate() {
        let count = input.len() / input_len;
        let dense = &mut dense[..count * map_len];
        dense.par_chunks_mut(map_len).zip(biases.par_chunks_mut(g.out_channels)).enumerate().for_each(
            |(s, (dense, bias))| {
                unroute.sample(chunk * samples + s, dense, Some(bias));
            },
        );
        let operands = &mut operands[..count * lowering.rows() * row_len(lowering)];
        lower(work, input, dense, operands);
        products(work, operands, &mut sums);
    }
    sums
}

/// Operands of all rows, in blocks of `[product, row, depth]` and `[panel, product, row, width]`.
fn lower(work: &Work<'_>, input: &[f32], dense: &[f32], operands: &mut [f32]) {
    let lowering = work.lowering;
    let row_len = row_len(lowering);
    operands.par_chunks_mut(BLOCK_ROWS * row_len).enumerate().for_each(|(block, operands)| {
        let rows = block * BLOCK_ROWS..block * BLOCK_ROWS + operands.len() / row_len;
        let depths = rows.len() * lowering.products() * lowering.depth();
        let (pre, post) = operands.split_at_mut(depths);
        lowering.input(input, rows.clone(), pre);
        lowering.post(dense, rows, post);
    });
}

/// Adds the products of all blocks of `operands`.
fn products(work: &Work<'_>, operands: &[f32], sums: &mut [f32]) {
    let lowering = work.lowering;
    let (products, depth, width) = (lowering.products(), lowering.depth(), lowering.width());
    let row_len = row_len(lowering);
    let cuts = PIECES.div_ceil(lowering.panels() * products).min(depth);
    let columns = depth.div_ceil(cuts);
    let pieces = sums.par_chunks_mut(depth * width).enumerate().flat_map(|(piece, sums)| {
        sums.par_chunks_mut(columns * width).enumerate().map(move |(cut, sums)| (piece, cut, sums))
    });
    pieces.for_each(|(piece, cut, sums)| {
        for operands in operands.chunks(BLOCK_ROWS * row_len) {
            let rows = operands.len() / row_len;
            let (pre, post) = operands.split_at(rows * products * depth);
            let pre = &pre[piece % products * rows * depth..][..rows * depth];
            let post = &post[piece * rows * width..][..rows * width];
            columns_by_panel(pre, post, sums, cut * columns, depth, width);
        }
    });
}
