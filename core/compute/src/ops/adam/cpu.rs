//! On the CPU.

use super::{AdamStep, AdamTensor};
use crate::device::Buffer;
use crate::error::Result;
use crate::ops::elementwise::{CHUNK, same_length};
use rayon::prelude::*;

/// One step of Adam: see [`AdamStep`].
///
/// # Errors
/// If the lengths differ.
pub fn adam(step: AdamStep, tensors: &mut [AdamTensor]) -> Result<()> {
    for tensor in tensors {
        tensor.checked_len()?;
        let AdamTensor { value, update, mean, square } = tensor;
        let chunks = value.as_mut_slice().par_chunks_mut(CHUNK).zip(update.as_slice().par_chunks(CHUNK));
        let moments =
            mean.as_mut_slice().par_chunks_mut(CHUNK).zip(square.as_mut_slice().par_chunks_mut(CHUNK));
        chunks.zip(moments).for_each(|((value, update), (mean, square))| {
            for (((value, update), mean), square) in value.iter_mut().zip(update).zip(mean).zip(square) {
                let update = update - step.decay * *value;
                *mean = step.beta1 * *mean + (1.0 - step.beta1) * update;
                *square = step.beta2 * *square + (1.0 - step.beta2) * update * update;
                *value += step.rate * *mean / (square.sqrt() * step.square_correction + step.epsilon);
            }
        });
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
    for ((value, update), velocity) in
        value.as_mut_slice().iter_mut().zip(update.as_slice()).zip(velocity.as_mut_slice())
    {
        *velocity = momentum * *velocity + (update - decay * *value);
        *value += rate * *velocity;
    }
    Ok(())
}
