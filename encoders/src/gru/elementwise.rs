//! The elementwise work of a GRU between matrix products, on the CPU or on the CUDA device.

#[cfg(not(feature = "cuda"))]
#[path = "elementwise_cpu.rs"]
mod device;
#[cfg(feature = "cuda")]
#[path = "elementwise_cuda.rs"]
mod device;

pub(super) use device::{Direct, advance, backward, forward, learn, take_step};

/// Sizes of a pass: `samples` sequences of `steps` steps, `inputs` → `hidden` neurons.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub samples: usize,
    pub steps: usize,
    pub inputs: usize,
    pub hidden: usize,
}
