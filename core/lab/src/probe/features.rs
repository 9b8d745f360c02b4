//! The features of every layer for a probe.

use super::labelled::Labelled;
use crate::config::ProbeConfig;
use crate::loader::HostBatch;
use crate::memory::Memory;
use crate::network::Network;
use plasticity_core::device::Device;
use plasticity_core::map::MapShape;
use plasticity_core::random::Random;
use plasticity_core::representation::{Pooling, Representation, RepresentationShape};
use plasticity_core::stimulus::{Label, Stimulus, span};
use plasticity_core::{Error, Result};
use rand::seq::index::sample;
use std::collections::HashMap;

/// The features of every layer of a network, one row for each label.
#[derive(Clone, Debug, Default)]
pub struct Features {
    layers: Vec<Layer>,
    labels: Vec<u32>,
    /// For each stimulus, the row after its last one.
    ends: Vec<usize>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    channels: usize,
    values: Vec<f32>,
}

impl Layer {
    pub(super) fn add_row(&mut self, row: &[f32]) {
        self.channels = row.len();
        self.values.extend_from_slice(row);
    }
}

impl Features {
    /// A layer's features with the labels.
    ///
    /// # Errors
    /// If there is no such layer.
    pub fn layer(&self, index: usize) -> Result<Labelled<'_>> {
        let layer = self
            .layers
            .get(index)
            .ok_or_else(|| Error::shape("probe", format!("there are no features of layer {}", index + 1)))?;
        Ok(Labelled { values: &layer.values, channels: layer.channels, labels: &self.labels })
    }

    /// The class of every row.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// How many layers.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// All layers, mutable; from now on there are `layers` of them.
    pub(crate) fn layers_mut(&mut self, layers: usize) -> &mut [Layer] {
        self.layers.resize_with(layers, Layer::default);
        &mut self.layers
    }

    /// The rows of a random share of the recordings (at least one, unless the share is 0), in ascending order. All rows
    /// of a recording are included, or none. `recording` gives the recording of a stimulus.
    pub fn held_out(&self, share: f32, recording: impl Fn(usize) -> u64, random: &mut Random) -> Vec<usize> {
        let mut numbers = HashMap::new();
        let recordings: Vec<usize> = (0..self.ends.len())
            .map(|stimulus| {
                let next = numbers.len();
                *numbers.entry(recording(stimulus)).or_insert(next)
            })
            .collect();
        let all = numbers.len();
        let count = held_out_of(share, all);
        let mut drawn = vec![false; all];
        sample(random, all, count).into_iter().for_each(|number| drawn[number] = true);
        let first = |stimulus: usize| stimulus.checked_sub(1).map_or(0, |before| self.ends[before]);
        let stimuli = (0..self.ends.len()).filter(|&stimulus| drawn[recordings[stimulus]]);
        stimuli.flat_map(|stimulus| first(stimulus)..self.ends[stimulus]).collect()
    }

    pub(super) fn add_layer(&mut self, layer: Layer) {
        self.layers.push(layer);
    }

    /// Adds the rows of other stimuli, with as many layers.
    pub(crate) fn extend(&mut self, other: Self) {
        let rows = self.labels.len();
        let layers = other.layers.len();
        for (layer, other) in self.layers_mut(layers).iter_mut().zip(other.layers) {
            layer.channels = other.channels;
            layer.values.extend(other.values);
        }
        self.labels.extend(other.labels);
        self.ends.extend(other.ends.into_iter().map(|end| rows + end));
    }

    /// Adds the class of a stimulus, or the classes of its labelled frames.
    pub(crate) fn add_label(&mut self, label: &Label) -> Result<()> {
        match label {
            Label::Class(class) => self.labels.push(*class),
            Label::Frames(frames) => self.labels.extend(frames.iter().flatten()),
            Label::None => return Err(Error::stimulus("probe", "a stimulus has no label")),
        }
        self.ends.push(self.labels.len());
        Ok(())
    }

    /// All layers together: each row consists of the rows of all layers, in order.
    #[must_use]
    pub fn side_by_side(self) -> Self {
        let channels = self.layers.iter().map(|layer| layer.channels).sum();
        let mut values = Vec::with_capacity(self.labels.len() * channels);
        for row in 0..self.labels.len() {
            for Layer { channels, values: from } in &self.layers {
                values.extend_from_slice(&from[row * channels..(row + 1) * channels]);
            }
        }
        Self { layers: vec![Layer { channels, values }], labels: self.labels, ends: self.ends }
    }
}

/// Collects the features of a network. Each stimulus is made once.
///
/// Each layer is pooled as `pooling` says (layers from 0). Only `wanted` layers are pooled and kept. If a
/// stimulus has a class, its row is the mean of a layer over time. If its frames have classes, each labelled
/// frame has a row: the mean over the layer's steps in time that the frame covers. With [`Pooling::Keep`] a row
/// has every location, in order; else it is their mean.
///
/// # Errors
/// If a stimulus has no label or does not fit the network, or blocks do not fit a wanted layer's map.
pub fn features(
    network: &mut Network,
    batches: impl Iterator<Item = Result<HostBatch>>,
    device: &Device,
    wanted: Option<&[usize]>,
    pooling: &mut dyn FnMut(usize) -> Pooling,
) -> Result<Features> {
    let mut features = Features::default();
    for batch in batches {
        let batch = batch?.to_device(device)?;
        let layers = features.layers_mut(network.layer_names().len());
        network.visit(&batch.input, &mut |index, map| {
            if wanted.is_some_and(|wanted| !wanted.contains(&index)) {
                return Ok(());
            }
            let pooling = pooling(index);
            append(&Representation::of(map, pooling)?, pooling, &batch.labels, &mut layers[index])
        })?;
        batch.labels.iter().try_for_each(|label| features.add_label(label))?;
    }
    Ok(features)
}

/// How many of `all` recordings are held out.
pub(super) fn held_out_of(share: f32, all: usize) -> usize {
    let count = (f64::from(share) * all as f64).round() as usize;
    count.max(usize::from(share > 0.0)).min(all)
}

/// The rows of all stimuli, if every stimulus has as many as the first: one for each label.
///
/// # Errors
/// If the first stimulus cannot be made.
pub(super) fn rows(stimulus: &dyn Stimulus) -> Result<u64> {
    if stimulus.is_empty() {
        return Ok(0);
    }
    let labels = stimulus.labels(&[stimulus.sample(0, None)?]);
    let of = |label: &Label| match label {
        Label::Frames(frames) => frames.iter().flatten().count() as u64,
        _ => 1,
    };
    Ok(labels.iter().map(of).sum::<u64>().saturating_mul(stimulus.len() as u64))
}

/// A lower bound of the memory for features, with `train` rows in each pass over the training stimuli and `test` rows
/// in the test. It holds all probed layers of one network, or all its layers together; while these are put side by
/// side, the rows of a pass are there twice. `maps` are the shapes of the layers' maps.
pub(super) fn memory(
    probe: &ProbeConfig,
    maps: &[MapShape],
    [train, test]: [u64; 2],
    all_layers: Option<&[Pooling]>,
) -> Memory {
    let channels = |map: &MapShape, pooling: Pooling| {
        let shape = RepresentationShape::of(*map, pooling);
        shape.map_or(0, |shape| {
            (if pooling == Pooling::Keep { shape.location } else { 1 } * shape.channel) as u64
        })
    };
    let wanted = |layer: usize| probe.layers.as_ref().is_none_or(|layers| layers.contains(&(layer + 1)));
    let each: u64 = maps
        .iter()
        .enumerate()
        .filter(|(layer, _)| wanted(*layer))
        .map(|(_, map)| channels(map, probe.pooling))
        .sum();
    let side_by_side: u64 =
        all_layers.into_iter().flatten().zip(maps).map(|(pooling, map)| channels(map, *pooling)).sum();
    let learned = train.saturating_mul(probe.augment.max(1) as u64);
    let separate = learned.saturating_add(test).saturating_mul(each);
    let together = learned.saturating_add(train.max(test.saturating_mul(2))).saturating_mul(side_by_side);
    Memory::default().with("features", separate.max(together))
}

/// Adds the rows of a batch to a layer's features.
pub(crate) fn append(
    representation: &Representation,
    pooling: Pooling,
    labels: &[Label],
    layer: &mut Layer,
) -> Result<()> {
    let shape = representation.shape();
    let values = representation.data().to_vec()?;
    // Keep all locations, or merge them into one.
    let (kept, merged) = if pooling == Pooling::Keep { (shape.location, 1) } else { (1, shape.location) };
    layer.channels = kept * shape.channel;
    let mut add_mean = |batch: usize, steps: std::ops::Range<usize>| {
        let start = layer.values.len();
        layer.values.resize(start + kept * shape.channel, 0.0);
        let row = &mut layer.values[start..];
        let weight = 1.0 / (steps.len() * merged) as f32;
        for (step, location) in steps.flat_map(|step| (0..shape.location).map(move |l| (step, l))) {
            let from = ((step * shape.location + location) * shape.batch + batch) * shape.channel;
            let to = (location / merged) * shape.channel;
            for (sum, value) in row[to..].iter_mut().zip(&values[from..from + shape.channel]) {
                *sum += weight * value;
            }
        }
    };
    if labels.len() != shape.batch {
        let message = format!("{} labels for {} stimuli", labels.len(), shape.batch);
        return Err(Error::stimulus("probe", message));
    }
    for (batch, label) in labels.iter().enumerate() {
        match label {
            Label::Frames(frames) => {
                let labelled = frames.iter().enumerate().filter(|(_, label)| label.is_some());
                for (frame, _) in labelled {
                    add_mean(batch, span(frame, frames.len(), shape.time));
                }
            }
            _ => add_mean(batch, 0..shape.time),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::device::Buffer;
    use plasticity_core::representation::RepresentationShape;

    fn representation() -> Representation {
        // [time 2, location 1, batch 2, channel 1]
        let shape = RepresentationShape { time: 2, location: 1, batch: 2, channel: 1 };
        let device = Device::open().unwrap();
        Representation::new(shape, Buffer::from_vec(&device, vec![1.0, 10.0, 3.0, 30.0]).unwrap()).unwrap()
    }

    #[test]
    fn layers_stand_side_by_side_row_by_row() {
        let layer = |channels, values: &[f32]| Layer { channels, values: values.to_vec() };
        let layers = vec![layer(1, &[1.0, 2.0]), layer(2, &[3.0, 4.0, 5.0, 6.0])];
        let all = Features { layers, labels: vec![7, 8], ends: vec![1, 2] }.side_by_side();
        let row = all.layer(0).unwrap();
        assert_eq!((row.channels, row.labels), (3, &[7, 8][..]));
        assert_eq!(row.values, [1.0, 3.0, 4.0, 2.0, 5.0, 6.0]);
    }

    #[test]
    fn memory_is_that_of_one_network_with_a_row_for_every_label() {
        let map =
            |side, channels| MapShape { time: 1, location: 1, batch: 1, extent: [1, side, side], channels };
        let maps = [map(4, 3), map(2, 5)];
        let bytes =
            |probe: &ProbeConfig, all: Option<&[Pooling]>| memory(probe, &maps, [700, 100], all).bytes();
        let probe = ProbeConfig { augment: 2, ..ProbeConfig::default() };
        assert_eq!(bytes(&probe, None), 4 * 1500 * 8);
        let one = ProbeConfig { layers: Some(vec![1]), ..probe.clone() };
        assert_eq!(bytes(&one, None), 4 * 1500 * 3);
        // While the second pass is put side by side, its 700 rows are there twice.
        let blocks = [Pooling::Blocks(2), Pooling::Mean];
        assert_eq!(bytes(&probe, Some(&blocks)), 4 * 2100 * (4 * 3 + 5));
    }

    #[test]
    fn a_stimulus_is_held_out_with_all_its_rows() {
        let mut features = Features::default();
        for frames in [vec![Some(0); 3], vec![None; 2], vec![Some(1); 2]] {
            features.add_label(&Label::Frames(frames)).unwrap();
        }
        let mut random = plasticity_core::random::stream(1, &[]);
        let mut seen = [false; 2];
        for _ in 0..50 {
            match features.held_out(0.34, |stimulus| stimulus as u64, &mut random)[..] {
                [0, 1, 2] => seen[0] = true,
                [3, 4] => seen[1] = true,
                ref rows => assert!(rows.is_empty(), "the second stimulus has no labelled frame: {rows:?}"),
            }
        }
        assert_eq!(seen, [true; 2]);
        assert_eq!(features.held_out(1.0, |stimulus| stimulus as u64, &mut random), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_recording_is_held_out_with_all_its_stimuli() {
        let mut features = Features::default();
        (0..6).for_each(|_| features.add_label(&Label::Class(0)).unwrap());
        let mut random = plasticity_core::random::stream(1, &[]);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            seen.insert(features.held_out(0.5, |stimulus| [7, 9, 7, 9, 7, 8][stimulus], &mut random));
        }
        let pairs = [vec![0, 1, 2, 3, 4], vec![0, 2, 4, 5], vec![1, 3, 5]];
        assert!(seen.iter().eq(&pairs), "two of three recordings: {seen:?}");
        assert_eq!(features.held_out(0.1, |_| 5, &mut random).len(), 6);
    }

    #[test]
    fn classes_take_the_mean_over_time_and_frames_take_their_own() {
        let mut layer = Layer::default();
        append(&representation(), Pooling::Mean, &[Label::Class(0), Label::Class(1)], &mut layer).unwrap();
        assert_eq!(layer.values, [2.0, 20.0]);
        let mut layer = Layer::default();
        let labels = [Label::Frames(vec![Some(1), None]), Label::Frames(vec![Some(0); 4])];
        append(&representation(), Pooling::Mean, &labels, &mut layer).unwrap();
        assert_eq!(layer.values, [1.0, 10.0, 10.0, 30.0, 30.0]);
    }

    #[test]
    fn places_are_averaged_or_kept_side_by_side() {
        // [time 2, location 2, batch 1, channel 2]
        let shape = RepresentationShape { time: 2, location: 2, batch: 1, channel: 2 };
        let device = Device::open().unwrap();
        let values = vec![1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0];
        let representation = Representation::new(shape, Buffer::from_vec(&device, values).unwrap()).unwrap();
        let row = |pooling| {
            let mut layer = Layer::default();
            append(&representation, pooling, &[Label::Class(0)], &mut layer).unwrap();
            assert_eq!(layer.channels, layer.values.len());
            layer.values
        };
        assert_eq!(row(Pooling::Keep), [2.0, 20.0, 3.0, 30.0]);
        assert_eq!(row(Pooling::Mean), [2.5, 25.0]);
    }
}
