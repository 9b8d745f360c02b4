//! Batch normalisation and max pool of a convolution's activity: post = maxpool(norm(z)), z = ρ(a).

use crate::batch_norm::Norm;
use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::layer::{Phase, PostFactor};
use plasticity_core::map::MapShape;
use plasticity_core::ops::conv as device;
use plasticity_core::ops::conv::{Geometry, Pool, Routing};
use plasticity_core::ops::norm::Moments;

/// What a layer with batch normalisation keeps until its update.
pub(super) struct Normed {
    /// z = ρ(a), before normalisation.
    pub active: Buffer,
    moments: Moments,
    routing: Routing,
}

/// The layer's output from z, and, only in learning, what the layer keeps.
pub(super) fn forward(
    norm: &mut Norm,
    geometry: &Geometry,
    pool: Option<&Pool>,
    active: Buffer,
    phase: Phase,
) -> Result<(Buffer, Option<Normed>)> {
    let (normed, moments) = norm.forward(&active, phase)?;
    let (post, routing) = match pool {
        Some(pool) => device::max_pool(geometry, pool, &normed)?,
        None => (normed, Routing::default()),
    };
    let moments = moments.filter(|_| phase == Phase::Learn);
    Ok((post, moments.map(|moments| Normed { active, moments, routing })))
}

/// The post factor of z from the post factor of the output (a map of `shape`), and the updates of
/// the normalisation's weight and bias.
pub(super) fn backward(
    norm: &Norm,
    geometry: &Geometry,
    pool: Option<&Pool>,
    kept: &Normed,
    factor: PostFactor,
    shape: MapShape,
) -> Result<[Buffer; 3]> {
    let factor = factor.per_position(shape, "convolution")?;
    let factor = match pool {
        Some(pool) => device::max_unpool(geometry, pool, &kept.routing, &factor)?,
        None => factor,
    };
    norm.backward(&kept.active, &kept.moments, &factor)
}

#[cfg(test)]
mod tests {
    use crate::finite_differences::check;
    use plasticity_core::map::MapShape;

    fn input(extent: [usize; 3]) -> MapShape {
        MapShape { time: 1, location: 2, batch: 2, extent, channels: 2 }
    }

    #[test]
    fn updates_and_feedback_follow_finite_differences() {
        let pooled = r#"{ "type": "conv3d", "channels": 3, "kernel": [2, 3, 3], "stride": [1, 2, 1],
            "padding": [0, 1, 1], "batch_norm": true, "max_pool": { "size": [1, 3, 3], "stride": [1, 1, 2] } }"#;
        check(pooled, input([3, 6, 5]), false);
        let image = r#"{ "type": "conv2d", "channels": 3, "kernel": 3, "padding": 1, "batch_norm": true }"#;
        check(image, input([1, 3, 4]), true);
        let sound = r#"{ "type": "conv1d", "channels": 3, "kernel": 4, "stride": 2, "batch_norm": true,
            "max_pool": { "size": 2 } }"#;
        check(sound, input([12, 1, 1]), false);
    }
}
