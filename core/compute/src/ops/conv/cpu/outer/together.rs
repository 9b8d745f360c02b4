//! For many weights: prepares the operands of a chunk of samples; then every piece of the sums adds its
//! products over all of them.

use rayon::prelude::*;
use std::ops::Range;

use super::{Work, sums_len};
use crate::bf16::Arithmetic;
use crate::device::Scratch;

/// Rows of a block of operands.
const BLOCK_ROWS: usize = 64;
/// Rows of a block of packed operands; a product sums over this many rows while its results are in registers.
const PACKED_ROWS: usize = 256;
/// The least and largest number of operand values in memory at a time (a single sample may need more).
/// Between these, the number equals the number of sums, since both are read once in a chunk.
const OPERANDS: (usize, usize) = (2 << 20, 8 << 20);
/// The least number of pieces of work.
const PIECES: usize = 16;

/// The sums of `work`, and `biases` `[sample, out]`.
pub(super) fn sum(work: &Work<'_>, biases: &mut [f32]) -> Scratch {
    let Work { g, operands: layout, unroute, input } = *work;
    let lowering = layout.lowering;
    let (input_len, map_len) = (g.input_len(), g.output_len());
    let mut sums = Scratch::zeros(sums_len(lowering));
    let sample_len = lowering.rows() * layout.row_len() + map_len;
    let samples = (sums.len().clamp(OPERANDS.0, OPERANDS.1) / sample_len).clamp(1, g.samples);
    let mut dense = Scratch::new(samples * map_len);
    let block = match layout.arithmetic {
        Arithmetic::Single => BLOCK_ROWS,
        Arithmetic::Half(_) => PACKED_ROWS,
    };
    let blocks = (samples * lowering.rows()).div_ceil(block);
    let mut operands = Scratch::new(blocks * layout.len(block));
    let chunks = input.chunks(samples * input_len);
    for (chunk, (input, biases)) in chunks.zip(biases.chunks_mut(samples * g.out_channels)).enumerate() {
        let count = input.len() / input_len;
        let dense = &mut dense[..count * map_len];
        dense.par_chunks_mut(map_len).zip(biases.par_chunks_mut(g.out_channels)).enumerate().for_each(
            |(s, (dense, bias))| {
                unroute.sample(chunk * samples + s, dense, Some(bias));
            },
        );
        let blocks = Blocks { rows: count * lowering.rows(), block };
        lower(work, blocks, input, dense, &mut operands);
        products(work, blocks, &operands, &mut sums);
    }
    sums
}

/// Rows of all samples, in blocks.
#[derive(Clone, Copy)]
struct Blocks {
    rows: usize,
    block: usize,
}

impl Blocks {
    fn count(self) -> usize {
        self.rows.div_ceil(self.block)
    }

    fn rows(self, block: usize) -> Range<usize> {
        block * self.block..((block + 1) * self.block).min(self.rows)
    }
}

/// Operands of all blocks.
fn lower(work: &Work<'_>, blocks: Blocks, input: &[f32], dense: &[f32], operands: &mut [f32]) {
    let layout = work.operands;
    let operands = operands.par_chunks_mut(layout.len(blocks.block)).take(blocks.count());
    operands.enumerate().for_each(|(block, operands)| {
        let rows = blocks.rows(block);
        layout.lower(input, dense, rows.clone(), &mut operands[..layout.len(rows.len())]);
    });
}

/// Adds the products of all blocks of `operands`.
fn products(work: &Work<'_>, blocks: Blocks, operands: &[f32], sums: &mut [f32]) {
    let layout = work.operands;
    let (depth, width) = (layout.lowering.depth(), layout.lowering.width());
    let cuts = PIECES.div_ceil(layout.pieces()).min(depth);
    let columns = depth.div_ceil(cuts);
    let pieces = sums.par_chunks_mut(depth * width).enumerate().flat_map(|(piece, sums)| {
        sums.par_chunks_mut(columns * width).enumerate().map(move |(cut, sums)| (piece, cut, sums))
    });
    pieces.for_each(|(piece, cut, sums)| {
        for (block, operands) in operands.chunks(layout.len(blocks.block)).take(blocks.count()).enumerate() {
            let rows = blocks.rows(block).len();
            layout.add(&operands[..layout.len(rows)], rows, piece, cut * columns, sums);
        }
    });
}
