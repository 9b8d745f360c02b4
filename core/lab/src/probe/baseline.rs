//! Features for the probe that need no network.

use super::features::{Features, Layer, append};
use crate::loader::HostBatch;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::representation::{Pooling, Representation, RepresentationShape};
use plasticity_core::stimulus::Baseline;
use plasticity_core::{Error, Result};

/// Collects hand-made features of stimuli, with the same rows as for a layer: see [`features`](super::features).
///
/// # Errors
/// If a stimulus has no label or cannot be read, or is cut into patches or frames.
pub fn baseline_features(
    baseline: Baseline,
    batches: impl Iterator<Item = Result<HostBatch>>,
    device: &Device,
) -> Result<Features> {
    let mut all = Features::default();
    let mut layer = Layer::default();
    for batch in batches {
        let batch = batch?;
        if batch.shape.time * batch.shape.location != 1 {
            let message = "hand-made features are for stimuli that the encoder sees as one map";
            return Err(Error::stimulus("probe", message));
        }
        let each = batch.values.len() / batch.labels.len().max(1);
        for (values, label) in batch.values.chunks(each.max(1)).zip(&batch.labels) {
            let made = (baseline.of)(values);
            let channel = baseline.channels;
            let time = made.len() / channel.max(1);
            let shape = RepresentationShape { time, location: 1, batch: 1, channel };
            let made = Representation::new(shape, Buffer::from_vec(device, made)?)?;
            append(&made, Pooling::Mean, std::slice::from_ref(label), &mut layer)?;
            all.add_label(label)?;
        }
    }
    all.add_layer(layer);
    Ok(all)
}
