//! A batch's features: as a probe sees them, or as whole maps.

use crate::loader::HostBatch;
use crate::network::Network;
use crate::probe::{Features, append};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::representation::{Pooling, Representation, RepresentationShape};
use plasticity_core::stimulus::Label;
use plasticity_core::{Error, Result};

/// Representations of every layer for the stimuli of a batch, one for each stimulus. If there are
/// several views, only the first is kept; without augmentation all views are equal.
///
/// # Errors
/// If the batch does not fit the network.
pub fn represent_once(
    network: &mut Network,
    batch: HostBatch,
    views: usize,
    device: &Device,
    pooling: Pooling,
) -> Result<(Vec<Representation>, Vec<Label>)> {
    let stimuli = batch.labels.len() / views.max(1);
    let batch = batch.to_device(device)?;
    let layers = network.represent(&batch.input, pooling)?;
    let layers = layers.into_iter().map(|layer| first_views(layer, stimuli)).collect::<Result<_>>()?;
    Ok((layers, batch.labels.into_iter().take(stimuli).collect()))
}

/// The representation of only the first `stimuli` stimuli of a batch.
fn first_views(of: Representation, stimuli: usize) -> Result<Representation> {
    let shape = of.shape();
    if shape.batch == stimuli {
        return Ok(of);
    }
    let kept: Vec<f32> = of
        .data()
        .to_vec()?
        .chunks(shape.batch * shape.channel)
        .flat_map(|place| place.iter().take(stimuli * shape.channel))
        .copied()
        .collect();
    let buffer = Buffer::from_vec(of.data().device(), kept)?;
    Representation::new(RepresentationShape { batch: stimuli, ..shape }, buffer)
}

/// The rows of a batch as a probe sees them, and their labels: a row for each stimulus with a class
/// or, if frames have labels, for each labelled frame. Only `wanted` layers (from 0) are pooled and kept.
///
/// # Errors
/// If a stimulus has no label, the batch does not fit the network, or blocks do not fit a wanted layer's map.
pub fn rows(
    network: &mut Network,
    batch: HostBatch,
    views: usize,
    device: &Device,
    (wanted, pooling): (&[usize], Pooling),
) -> Result<(Features, Vec<Label>)> {
    let stimuli = batch.labels.len() / views.max(1);
    let batch = batch.to_device(device)?;
    let labels: Vec<Label> = batch.labels.into_iter().take(stimuli).collect();
    let mut features = Features::default();
    let layers = features.layers_mut(network.layer_names().len());
    network.visit(&batch.input, &mut |index, map| {
        if !wanted.contains(&index) {
            return Ok(());
        }
        let unfit = |error| {
            let message = format!("layer {}: {error}: use smaller blocks", index + 1);
            Error::config("probe.pooling", message)
        };
        RepresentationShape::of(map.shape(), pooling).map_err(unfit)?;
        let layer = first_views(Representation::of(map, pooling)?, stimuli)?;
        append(&layer, pooling, &labels, &mut layers[index])
    })?;
    labels.iter().try_for_each(|label| features.add_label(label))?;
    Ok((features, labels))
}

/// The network's input and the whole map of every layer, stimulus by stimulus, `[stimulus, time, t, location, y, x, channel]`,
/// flat: time and location are pieces of a stimulus, t, y and x positions on each piece's map.
///
/// # Errors
/// If the batch does not fit the network.
pub fn maps(
    network: &mut Network,
    batch: HostBatch,
    views: usize,
    device: &Device,
) -> Result<(Vec<Vec<f32>>, Vec<Label>)> {
    let stimuli = batch.labels.len() / views.max(1);
    let input = Buffer::from_vec(device, batch.values.clone())?;
    let input = Representation::of(&FeatureMap::new(batch.shape, input)?, Pooling::Keep)?;
    let (layers, labels) = represent_once(network, batch, views, device, Pooling::Keep)?;
    let stimulus_first = |layer: Representation| -> Result<Vec<f32>> {
        let RepresentationShape { batch, channel, .. } = layer.shape();
        let values = layer.data().to_vec()?;
        let of = |stimulus: usize| values.chunks_exact(channel.max(1)).skip(stimulus).step_by(batch.max(1));
        Ok((0..batch).flat_map(of).flatten().copied().collect())
    };
    let all = std::iter::once(first_views(input, stimuli)?).chain(layers);
    Ok((all.map(stimulus_first).collect::<Result<_>>()?, labels))
}

/// The axes of [`maps`] for one stimulus, without the first.
pub fn map_axes(shape: MapShape) -> [usize; 6] {
    let [t, y, x] = shape.extent;
    [shape.time, t, shape.location, y, x, shape.channels]
}
