//! Convolution layers: forward, outer product and feedback on channels-last maps.
//!
//! A layer is convolution, bias, ReLU, then optionally a max pool. Its three stages are
//!
//! - `forward`: `y = pool(relu(w ∗ x + b))`, and the [`Routing`] of the pool;
//! - `outer`: `ΔW = Σ post ⊗ pre`, the post factor routed to the pool's winners and gated by ReLU;
//! - `feedback`: the same post factor sent back through the weights to the layer below.

#[cfg(not(feature = "cuda"))]
mod cpu;
mod geometry;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::{Routing, backward, feedback, forward, library, max_pool, max_unpool, outer, weight_order};
pub use geometry::{Geometry, Pool};

use crate::device::Buffer;

/// The post factor of a layer's output.
#[derive(Clone, Copy, Debug)]
pub enum Factor<'a> {
    /// `[sample, out]`: the factor of the mean over positions; each position gets `value / positions`.
    PerSample(&'a Buffer),
    /// `[sample, t, y, x, out]`: a factor for every position of the layer's output map.
    PerPosition(&'a Buffer),
}

/// The common arguments of the two backward stages.
pub struct Backward<'a> {
    /// Sizes.
    pub geometry: &'a Geometry,
    /// Max pool after ρ.
    pub pool: Option<&'a Pool>,
    /// Whether ρ is ReLU.
    pub relu: bool,
    /// The layer's output.
    pub output: &'a Buffer,
    /// The routing of the pool.
    pub routing: &'a Routing,
    /// The post factor of the output.
    pub factor: Factor<'a>,
    /// Whether the samples are a shard, to whose sums others are added. The sum of a shard is often much larger than that of all, so
    /// the CPU makes those of biases, over which errors add up most, in double precision.
    pub shard: bool,
}
