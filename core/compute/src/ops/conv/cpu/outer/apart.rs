//! For few weights: every slot separately sums a fixed part of the samples, in the first caches.

use rayon::prelude::*;

use super::{Work, add, sums_len};
use crate::device::Scratch;
use crate::ops::conv::cpu::lowering::Lowering;

/// Number of slots, and of threads that can share the work.
const SLOTS: usize = 16;
/// The largest total number of values in the sums of all slots.
const SUMS: usize = 2 << 20;
/// Values of operands in a block of rows.
const OPERANDS: usize = 128 << 10;
/// The least number of rows of a block, so that a pass over the sums is worth its cost.
const ROWS: usize = 48;

/// Whether there are few enough sums.
pub(super) fn suits(lowering: &dyn Lowering) -> bool {
    sums_len(lowering) * SLOTS <= SUMS
}

/// The sums of `work`, and `biases` `[sample, out]`.
pub(super) fn sum(work: &Work<'_>, biases: &mut [f32]) -> Scratch {
    let Work { g, operands: layout, unroute, input } = *work;
    let lowering = layout.lowering;
    let (channels, input_len, map_len) = (g.out_channels, g.input_len(), g.output_len());
    let length = sums_len(lowering);
    let mut sums = Scratch::zeros(SLOTS * length);
    let samples = g.samples.div_ceil(SLOTS);
    let rows = (OPERANDS / layout.row_len()).max(ROWS);
    let block = (rows / lowering.rows()).max(1);
    sums.par_chunks_mut(length)
        .zip(biases.par_chunks_mut(samples * channels))
        .zip(input.par_chunks(samples * input_len))
        .enumerate()
        .for_each(|(slot, ((sums, biases), input))| {
            let mut dense = Scratch::new(block * map_len);
            let mut operands = Scratch::new(layout.len(rows));
            let biases = biases.chunks_mut(block * channels);
            for (b, (biases, input)) in biases.zip(input.chunks(block * input_len)).enumerate() {
                let maps = dense.chunks_mut(map_len).zip(biases.chunks_mut(channels));
                for (s, (dense, bias)) in maps.enumerate() {
                    unroute.sample(slot * samples + b * block + s, dense, Some(bias));
                }
                let total = input.len() / input_len * lowering.rows();
                for start in (0..total).step_by(rows) {
                    let range = start..(start + rows).min(total);
                    let count = range.len();
                    let operands = &mut operands[..layout.len(count)];
                    layout.lower(input, &dense, range, operands);
                    let pieces = sums.chunks_mut(lowering.depth() * lowering.width());
                    for (piece, sums) in pieces.enumerate() {
                        layout.add(operands, count, piece, 0, sums);
                    }
                }
            }
        });
    let (total, rest) = sums.split_at_mut(length);
    for slot in rest.chunks(length) {
        add(total, slot);
    }
    sums.truncate(length);
    sums
}
