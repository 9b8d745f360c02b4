//! The features of the stimuli themselves: the baseline of a network.

use super::features::{Features, Layer};
use crate::loader::HostBatch;
use plasticity_core::Result;
use plasticity_core::map::MapShape;
use plasticity_core::stimulus::Label;

/// The largest number of features of a stimulus: with many more, a classifier is slow and not better.
const MOST: usize = 3200;

/// Collects the encoder's input as features, one row for each label: every place, patch and channel, the mean
/// over frames. Places are averaged in the smallest square blocks that leave at most [`MOST`] features.
///
/// There is no layer if an input has no places, as a waveform, or if frames have their own classes.
///
/// # Errors
/// If a stimulus has no label or cannot be read.
pub(super) fn input_features(batches: impl Iterator<Item = Result<HostBatch>>) -> Result<Features> {
    let mut all = Features::default();
    let mut layer = Layer::default();
    for batch in batches {
        let batch = batch?;
        let waveform = batch.shape.extent[1] * batch.shape.extent[2] == 1;
        if waveform || batch.labels.iter().any(|label| matches!(label, Label::Frames(_))) {
            return Ok(Features::default());
        }
        let blocks = Blocks::of(batch.shape);
        for (stimulus, label) in batch.labels.iter().enumerate() {
            layer.add_row(&blocks.row(&batch.values, stimulus));
            all.add_label(label)?;
        }
    }
    all.add_layer(layer);
    Ok(all)
}

/// Square blocks of the places of a map.
struct Blocks {
    shape: MapShape,
    side: usize,
    /// Rows and columns of blocks.
    rows: usize,
    columns: usize,
}

impl Blocks {
    fn of(shape: MapShape) -> Self {
        let [_, y, x] = shape.extent;
        let sided = |side: usize| Self { shape, side, rows: y.div_ceil(side), columns: x.div_ceil(side) };
        let largest = y.max(x).max(1);
        (1..largest).map(sided).find(|blocks| blocks.features() <= MOST).unwrap_or_else(|| sided(largest))
    }

    fn features(&self) -> usize {
        self.shape.time * self.shape.location * self.rows * self.columns * self.shape.channels
    }

    /// `[time, location, row, column, channel]`: the blocks' means of one stimulus.
    fn row(&self, values: &[f32], stimulus: usize) -> Vec<f32> {
        let MapShape { time, location, batch, extent: [frames, y, x], channels } = self.shape;
        let mut row = vec![0.0; self.features()];
        let of_piece = self.rows * self.columns * channels;
        for piece in 0..time * location {
            let from = (piece * batch + stimulus) * frames * y * x * channels;
            let into = &mut row[piece * of_piece..][..of_piece];
            for (place, values) in values[from..][..frames * y * x * channels].chunks(channels).enumerate() {
                let (down, across) = (place / x % y / self.side, place % x / self.side);
                // Blocks at the lower and right edge may be smaller.
                let side = |at: usize, length: usize| (length - at * self.side).min(self.side);
                let share = 1.0 / (frames * side(down, y) * side(across, x)) as f32;
                let into = &mut into[(down * self.columns + across) * channels..][..channels];
                into.iter_mut().zip(values).for_each(|(sum, value)| *sum += share * value);
            }
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(shape: MapShape, labels: Vec<Label>) -> HostBatch {
        let values = (0..shape.len()).map(|value| value as f32).collect();
        HostBatch { values, shape, labels, epoch: 0, step: 0 }
    }

    #[test]
    fn rows_hold_every_place_of_one_stimulus_and_the_mean_of_its_frames() {
        let shape = MapShape { time: 2, location: 1, batch: 2, extent: [2, 1, 2], channels: 1 };
        let made = input_features([Ok(batch(shape, vec![Label::Class(4), Label::Class(5)]))].into_iter());
        let made = made.unwrap();
        let rows = made.layer(0).unwrap();
        assert_eq!((rows.channels, rows.labels), (4, &[4, 5][..]));
        // Stimulus 0 has the values 0 to 3 in its first piece and 8 to 11 in its second: two frames of two places each.
        assert_eq!(rows.values, [1.0, 2.0, 9.0, 10.0, 5.0, 6.0, 13.0, 14.0]);
    }

    #[test]
    fn places_are_averaged_in_blocks_where_they_are_many() {
        let shape = MapShape { time: 1, location: 1, batch: 1, extent: [1, 1, 3], channels: 1 };
        let blocks = Blocks { shape, side: 2, rows: 1, columns: 2 };
        assert_eq!(blocks.row(&[1.0, 3.0, 7.0], 0), [2.0, 7.0]);
        let side = |time, side, channels| {
            Blocks::of(MapShape { time, location: time, batch: 9, extent: [1, side, side], channels }).side
        };
        assert_eq!([side(1, 32, 3), side(1, 64, 1), side(7, 16, 1), side(100, 2, 3)], [1, 2, 2, 2]);
    }

    #[test]
    fn waveforms_and_classes_of_frames_have_none() {
        let wave = MapShape { time: 1, location: 1, batch: 1, extent: [8, 1, 1], channels: 1 };
        let frames = MapShape { extent: [1, 2, 2], ..wave };
        for (shape, label) in [(wave, Label::Class(0)), (frames, Label::Frames(vec![Some(1)]))] {
            let made = input_features([Ok(batch(shape, vec![label]))].into_iter()).unwrap();
            assert_eq!((made.layers(), made.labels()), (0, &[][..]));
        }
    }
}
