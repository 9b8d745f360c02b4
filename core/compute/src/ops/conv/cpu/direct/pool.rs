//! The end of a layer: bias, ReLU and max pool of a block of sums.

use super::{Block, SAMPLES};
use crate::ops::conv::cpu::level::arch;
use crate::ops::conv::cpu::lowering::Activation;
use crate::ops::conv::cpu::pool::CLOSED;

/// Sums of the places of one pooled position.
pub(super) struct Window<'a> {
    pub(super) blocks: &'a mut [Block],
    pub(super) width: usize,
    /// The first outgoing channel of the blocks.
    pub(super) first: usize,
    pub(super) activation: Activation<'a>,
}

impl Window<'_> {
    /// Writes the position's values of every sample to `output`, `[sample, position, channel]` from the position on,
    /// and the winners' places to `codes`, unless that is empty.
    pub(super) fn write(self, channels: usize, sample_len: usize, output: &mut [f32], codes: &mut [u8]) {
        arch().dispatch(
            #[inline(always)]
            || {
                let Self { blocks, width, first, activation } = self;
                let count = width.min(channels - first);
                let floor = if activation.relu { 0.0 } else { f32::NEG_INFINITY };
                let bias = activation.bias.map(|bias| &bias[first..first + count]);
                let mut coded = codes.chunks_mut(sample_len);
                for (sample, output) in output.chunks_mut(sample_len).enumerate().take(SAMPLES) {
                    let best = &mut output[first..first + count];
                    for (place, block) in blocks.iter_mut().enumerate() {
                        let values = &mut block.0[sample * width..][..count];
                        if let Some(bias) = bias {
                            values.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
                        }
                        // Not `max`, which hides a NaN.
                        values.iter_mut().for_each(|value| *value = if *value < floor { floor } else { *value });
                        if place == 0 {
                            best.copy_from_slice(values);
                        }
                    }
                    let Some(codes) = coded.next() else { continue };
                    let codes = &mut codes[first..first + count];
                    codes.fill(0);
                    for (place, block) in blocks.iter().enumerate().skip(1) {
                        let values = &block.0[sample * width..][..count];
                        for ((best, winner), &value) in best.iter_mut().zip(&mut *codes).zip(values) {
                            *winner = if value > *best { place as u8 } else { *winner };
                            *best = if value > *best { value } else { *best };
                        }
                    }
                    if activation.relu {
                        for (winner, &best) in codes.iter_mut().zip(&*best) {
                            *winner = if best > 0.0 { *winner } else { CLOSED };
                        }
                    }
                }
            },
        );
    }
}
