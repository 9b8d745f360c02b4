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
        arch().dispatch(
            #[inline(always)]
            || {
                for column in (0..width.min(channels - first)).step_by(LANES) {
                    let channel = first + column;
                    let count = LANES.min(channels - channel);
                    let mut bias = [0.0; LANES];
                    if let Some(all) = activation.bias {
                        bias[..count].copy_from_slice(&all[channel..channel + count]);
                    }
                    for (sample, output) in output.chunks_mut(sample_len).enumerate().take(SAMPLES) {
                        let from = sample * width + column;
                        let (best, winners) = largest(blocks, from, bias, activation.relu);
                        output[channel..channel + count].copy_from_slice(&best[..count]);
                        if !codes.is_empty() {
                            let at = sample * sample_len + channel;
                            codes[at..at + count].copy_from_slice(&winners[..count]);
                        }
                    }
                }
            },
        );
    }
}

/// The largest values among the places and the first places that have them; a place is closed where ReLU gives 0.
#[inline(always)]
fn largest(blocks: &[Block], from: usize, bias: [f32; LANES], relu: bool) -> ([f32; LANES], [u8; LANES]) {
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let (mut best, mut winners) = ([0.0_f32; LANES], [0_u32; LANES]);
    for (place, block) in (0..).zip(blocks) {
        let values = &block.0[from..from + LANES];
        for (i, value) in values.iter().enumerate() {
            let value = value + bias[i];
            // Not `max`, which hides a NaN.
            let value = if value < floor { floor } else { value };
            let better = place == 0 || value > best[i];
            best[i] = if better { value } else { best[i] };
            winners[i] = if better { place } else { winners[i] };
        }
    }
    let mut codes = [0; LANES];
    for (i, code) in codes.iter_mut().enumerate() {
        *code = if relu && !(best[i] > 0.0) { CLOSED } else { winners[i] as u8 };
    }
    (best, codes)
}
