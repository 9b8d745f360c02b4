//! Layers without a transform, by bfloat16 tiles: every multiplication of the layer and none with padding.
//!
//! The 32 rows of a block are 32 samples at one position of the map. So all of them use the same taps, and a tap that reads
//! padding is left out. For the outer product, the 32 samples are the depth of a step. Samples are filled up with zeros
//! to 32, so a result does not depend on the batch.

mod links;
mod maps;
mod outer;
mod pool;
mod sources;

use super::Geometry;
use crate::bf16::Sums;
pub(super) use maps::{feedback, forward};
pub(super) use outer::outer;

/// Samples of a block.
const SAMPLES: usize = Sums::ROWS;
/// The least number of channels: with fewer, most of a tile is filled up.
const CHANNELS: usize = 16;
/// The largest number of values of a patch, for layers with fewer incoming channels.
const PATCH: usize = 128;
/// The largest number of positions of a map, so that the operands of a block of samples are not too large.
const POSITIONS: usize = 1024;

/// Whether `g` is computed so if the kernel multiplies fast enough.
pub(super) fn suits(g: &Geometry) -> bool {
    let positions = [g.input, g.output()].map(|map| map.iter().product::<usize>());
    let channels = !few(g) || g.taps() * g.in_channels <= PATCH;
    channels && g.out_channels >= CHANNELS && positions.iter().all(|&count| count <= POSITIONS)
}

/// Whether `g` has so few incoming channels that the outer product sums over patches, and that `f32` is faster in the
/// forward pass.
pub(super) fn few(g: &Geometry) -> bool {
    g.in_channels < CHANNELS
}

/// Outgoing channels of a panel: two tiles, or one if there are no more.
fn panel_width(channels: usize) -> usize {
    channels.next_multiple_of(16).min(32)
}

/// A block of sums `[32, width]`, at a cache line.
#[derive(Clone)]
#[repr(C, align(64))]
struct Block([f32; SAMPLES * 32]);

impl Block {
    const ZERO: Self = Self([0.0; SAMPLES * 32]);
}
