//! The presynaptic operands of the outer product: the layer's input or, if it has few channels, the patch under every
//! output position.

use std::ops::Range;

use super::links::Links;
use super::{SAMPLES, few};
use crate::bf16::{Kernel, Rows, halves_mut};
use crate::device::Scratch;
use crate::ops::conv::cpu::Geometry;

/// A layer's input as operands.
pub(super) struct Sources<'a> {
    kernel: Kernel,
    input: &'a [f32],
    g: &'a Geometry,
    /// For every output position, the `[tap, input position]` of its patch.
    patches: Option<Vec<Vec<[usize; 2]>>>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(kernel: Kernel, g: &'a Geometry, input: &'a [f32]) -> Self {
        let patches = few(g).then(|| Links::new(g).by_output(g.output().iter().product()));
        Self { kernel, input, g, patches }
    }

    /// The layer on these operands. On patches, it has one tap, with the same weights in the same order.
    pub(super) fn layer(&self) -> Geometry {
        let Self { g, patches, .. } = self;
        match patches {
            None => **g,
            Some(_) => Geometry {
                input: g.output(),
                in_channels: g.taps() * g.in_channels,
                kernel: [1; 3],
                stride: [1; 3],
                padding: [0; 3],
                ..**g
            },
        }
    }

    /// Writes `[position, channel, sample]` of at most 32 samples: each position has room for `rows` channels, and the
    /// samples are filled up to 32.
    pub(super) fn columns(&self, samples: Range<usize>, rows: usize, to: &mut [u16]) {
        let (length, channels) = (self.g.input_len(), self.g.in_channels);
        let maps = &self.input[samples.start * length..samples.end * length];
        let from = |at: usize, length: usize| Rows {
            values: &maps[at..],
            pitch: self.g.input_len(),
            count: samples.len(),
            length,
        };
        let pack = |from: Rows<'_>, to: &mut [u16]| {
            self.kernel.pack_columns(from, to, SAMPLES, 0);
            let filled = self.kernel.depth(samples.len());
            if filled < SAMPLES {
                to.chunks_exact_mut(SAMPLES).for_each(|row| row[filled..].fill(0));
            }
        };
        let Some(patches) = &self.patches else {
            for (position, to) in to.chunks_exact_mut(rows * SAMPLES).enumerate() {
                pack(from(position * channels, channels), to);
            }
            return;
        };
        let mut packed = Scratch::new(length * SAMPLES / 2);
        let packed = halves_mut(&mut packed);
        pack(from(0, length), packed);
        let channels = channels * SAMPLES;
        for (patch, to) in patches.iter().zip(to.chunks_exact_mut(rows * SAMPLES)) {
            to.fill(0);
            for &[tap, source] in patch {
                to[tap * channels..][..channels].copy_from_slice(&packed[source * channels..][..channels]);
            }
        }
    }
}
