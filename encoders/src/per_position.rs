//! A post factor as one value for every position of a layer's output.

use plasticity_core::device::Buffer;
use plasticity_core::layer::PostFactor;
use plasticity_core::map::MapShape;
use plasticity_core::ops;
use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};

/// `[sample, t, y, x, channel]`: the factor of each position of a map of `shape`.
///
/// # Errors
/// Where the factor has another size, or is one of summed inputs, which `layer` does not have.
pub(crate) fn per_position(layer: &str, factor: PostFactor, shape: MapShape) -> Result<Buffer> {
    let factor = match factor {
        PostFactor::Activation(_) => return Err(PostFactor::no_activation(layer)),
        PostFactor::PerPosition(factor) => factor,
        PostFactor::PerSample(factor) => ops::spread(&factor, shape, Pooling::Mean)?,
    };
    if factor.len() != shape.len() {
        let message = format!("a post factor of {} values for a map of {}", factor.len(), shape.len());
        return Err(Error::shape(layer, message));
    }
    Ok(factor)
}
