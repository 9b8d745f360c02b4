//! The end of a layer: bias, ReLU and max pool of a block of sums.

use super::{Block, SAMPLES};
use crate::ops::conv::cpu::level::arch;
use crate::ops::conv::cpu::lowering::Activation;
use crate::ops::conv::cpu::pool::CLOSED;

/// Channels that are pooled at a time, in registers.
const LANES: usize = 16;

/// Sums of the places of one pooled position.
pub(super) struct Window<'a> {
    pub(super) blocks: &'a [Block],
    pub(super) width: usize,
    /// The first outgoing channel of the blocks.
    pub(super) first: usize,
    pub(super) activation: Activation<'a>,
}

impl Window<'_> {
    /// Writes the position's values of every sample to `output`, `[sample, position, channel]` from the position on,
    /// and the winners' places to `codes`, unless that is empty.
    pub(super) fn write(self, channels: usize, sample_len: usize, output: &mut [f32], codes: &mut [u8]) {
        let Self { blocks, width, first, activation } = self;
        let count = width.min(channels - first);
        let mut bias = [0.0; 32];
        if let Some(all) = activation.bias {
            bias[..count].copy_from_slice(&all[first..first + count]);
        }
        arch().dispatch(
            #[inline(always)]
            || {
                for (sample, output) in output.chunks_mut(sample_len).enumerate().take(SAMPLES) {
                    let output = &mut output[first..first + count];
                    for (column, output) in (0..width).step_by(LANES).zip(output.chunks_mut(LANES)) {
                        let from = sample * width + column;
                        let bias = &bias[column..column + LANES];
                        let winners = if blocks.len() == 1 {
                            fill(output, &activated(&blocks[0], from, bias, activation.relu));
                            [0; LANES]
                        } else {
                            let (best, winners) = largest(blocks, from, bias, activation.relu);
                            fill(output, &best);
                            winners
                        };
                        if !codes.is_empty() {
                            let at = sample * sample_len + first + column;
                            let codes = codes[at..at + output.len()].iter_mut().zip(&*output).zip(winners);
                            for ((code, &value), winner) in codes {
                                *code = if !activation.relu || value > 0.0 { winner } else { CLOSED };
                            }
                        }
                    }
                }
            },
        );
    }
}

/// Copies as many values as fit; whole vectors at once.
#[inline(always)]
fn fill(to: &mut [f32], values: &[f32; LANES]) {
    match to.first_chunk_mut::<LANES>() {
        Some(to) => *to = *values,
        None => to.iter_mut().zip(values).for_each(|(to, value)| *to = *value),
    }
}

/// Sums with bias and ReLU.
#[inline(always)]
fn activated(block: &Block, from: usize, bias: &[f32], relu: bool) -> [f32; LANES] {
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let mut values = [0.0; LANES];
    for ((value, sum), bias) in values.iter_mut().zip(&block.0[from..from + LANES]).zip(bias) {
        let sum = sum + bias;
        // Not `max`, which hides a NaN.
        *value = if sum < floor { floor } else { sum };
    }
    values
}

/// The largest values among the places, and the first places that have them.
#[inline(always)]
fn largest(blocks: &[Block], from: usize, bias: &[f32], relu: bool) -> ([f32; LANES], [u8; LANES]) {
    let mut best = activated(&blocks[0], from, bias, relu);
    let mut winners = [0_u32; LANES];
    for (place, block) in (1..).zip(&blocks[1..]) {
        let values = activated(block, from, bias, relu);
        for i in 0..LANES {
            winners[i] = if values[i] > best[i] { place } else { winners[i] };
            best[i] = if values[i] > best[i] { values[i] } else { best[i] };
        }
    }
    (best, winners.map(|place| place as u8))
}
