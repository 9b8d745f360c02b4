//! On an NVIDIA GPU.

use super::{AdamStep, AdamTensor};
use crate::device::Buffer;
use crate::device::cuda::{Kernels, Launch};
use crate::error::Result;
use crate::ops::elementwise::same_length;

static KERNELS: Kernels = Kernels {
    name: "plasticity_adam",
    source: concat!(include_str!("../thread.cuh"), include_str!("kernel.cu")),
    functions: &["adam", "sgd"],
};

/// Tensors that one launch takes: `MOST` in kernel.cu.
const MOST: usize = 16;

/// One step of Adam: see [`AdamStep`]. One launch moves up to 16 tensors.
///
/// # Errors
/// If the lengths differ.
pub fn adam(step: AdamStep, tensors: &mut [AdamTensor]) -> Result<()> {
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Tensors {
        value: [u64; MOST],
        update: [u64; MOST],
        mean: [u64; MOST],
        square: [u64; MOST],
        lengths: [u64; MOST],
        count: i32,
    }
    let none = [0; MOST];
    for some in tensors.chunks_mut(MOST) {
        let mut of = Tensors { value: none, update: none, mean: none, square: none, lengths: none, count: 0 };
        let (device, mut all) = (some[0].value.device().clone(), 0);
        for (at, tensor) in some.iter_mut().enumerate() {
            let len = tensor.checked_len()?;
            of.value[at] = tensor.value.pointer_mut()?;
            of.update[at] = tensor.update.pointer()?;
            of.mean[at] = tensor.mean.pointer_mut()?;
            of.square[at] = tensor.square.pointer_mut()?;
            of.lengths[at] = len as u64;
            of.count += 1;
            all += len;
        }
        let factors = [step.rate, step.beta1, step.beta2, step.square_correction, step.epsilon, step.decay];
        let launch = Launch::new(&device, &KERNELS, "adam")?.value(of).value(factors);
        // SAFETY: the kernel takes (tensors, six factors), one element per thread; each tensor's four buffers hold as
        // many values as it says.
        unsafe { launch.each(all)? };
    }
    Ok(())
}

/// One step of SGD with momentum in the direction `update`: v ← momentum · v + (update − decay · w), w ← w + rate · v.
///
/// # Errors
/// If the lengths differ.
pub fn sgd(
    rate: f32,
    momentum: f32,
    decay: f32,
    value: &mut Buffer,
    update: &Buffer,
    velocity: &mut Buffer,
) -> Result<()> {
    same_length("SGD", value.len(), update.len())?;
    same_length("SGD", value.len(), velocity.len())?;
    let (device, len) = (value.device().clone(), value.len());
    let launch = Launch::new(&device, &KERNELS, "sgd")?
        .pointer(value.pointer_mut()?)
        .pointer(update.pointer()?)
        .pointer(velocity.pointer_mut()?)
        .value(rate)
        .value(momentum)
        .value(decay)
        .value(len as u64);
    // SAFETY: (value, update, velocity, rate, momentum, decay, count), one element per thread; all hold `len` values.
    unsafe { launch.each(len) }
}
