//! The elementwise work of a gated recurrent layer between matrix products.

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::{Direct, advance, backward, forward, learn, take_step};

/// Sizes of a pass: `samples` sequences of `steps` steps, `inputs` → `hidden` neurons.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Sequences.
    pub samples: usize,
    /// Steps of each.
    pub steps: usize,
    /// Presynaptic neurons.
    pub inputs: usize,
    /// Neurons of the layer.
    pub hidden: usize,
}
