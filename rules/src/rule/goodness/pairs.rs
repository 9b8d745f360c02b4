//! Pairs of stimuli: each stimulus with itself, and with another one of the batch.

use super::contrast::side_by_side;
use plasticity_core::device::Buffer;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use rand::RngExt;
use rayon::prelude::*;

/// What goodness averages over, and how pairs are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Over the whole map, for pairs that are not normalised.
    #[default]
    Map,
    /// At each position before the pool, for normalised pairs: as published.
    Position,
}

/// How two stimuli become one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pairs {
    /// Their mean. A batch is paired once, before the first module.
    AsTheyAre,
    /// Each stimulus is scaled to mean 0 and standard deviation 1; then the two together are scaled again; then their
    /// mean is taken. Every module makes new pairs.
    ///
    /// The second scaling takes mean and deviation over both maps, each with a mirrored border of `border` rows and
    /// columns.
    Normalised {
        /// Rows and columns.
        border: usize,
    },
}

/// Added to standard deviations, so that silence stays silence.
const SILENCE: f64 = 1e-10;

/// Sum, sum of squares and number of some values.
#[derive(Clone, Copy)]
struct Sums {
    sum: f64,
    square: f64,
    count: f64,
}

impl Sums {
    /// The sums of a map. Each position counts as often as it occurs in the map with its border.
    fn of(values: &[f32], channels: usize, weights: &[f64]) -> Self {
        let mut all = Self { sum: 0.0, square: 0.0, count: 0.0 };
        for (position, weight) in values.chunks_exact(channels).zip(weights) {
            for value in position.iter().map(|&value| f64::from(value)) {
                all.sum += weight * value;
                all.square += weight * value * value;
            }
            all.count += weight * channels as f64;
        }
        all
    }

    /// The sums over the values of both.
    fn with(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            square: self.square + other.square,
            count: self.count + other.count,
        }
    }

    /// The mean, and 1 divided by the unbiased standard deviation.
    fn normal(self) -> (f32, f32) {
        let mean = self.sum / self.count;
        let variance = (self.square - self.count * mean * mean).max(0.0) / (self.count - 1.0);
        (mean as f32, (1.0 / (variance.sqrt() + SILENCE)) as f32)
    }
}

impl Pairs {
    /// Along the batch: each stimulus paired with itself, then each paired with its entry of `others`.
    ///
    /// # Errors
    /// If there is only one stimulus, or a border is as large as its map.
    pub fn side_by_side(self, input: &FeatureMap, others: &[u32]) -> Result<FeatureMap> {
        let shape = input.shape();
        if shape.batch < 2 || shape.is_empty() {
            let message = format!("needs at least two stimuli in a batch, got {}", shape.batch);
            return Err(Error::shape("rule scff", message));
        }
        if others.len() != shape.batch || others.iter().any(|&other| other as usize >= shape.batch) {
            let message = format!("expected {} others of the batch, got {others:?}", shape.batch);
            return Err(Error::shape("rule scff", message));
        }
        let of = |sample: usize| sample - sample % shape.batch + others[sample % shape.batch] as usize;
        let (alone, together) = self.made(input, of)?;
        side_by_side(input, &alone, &together)
    }

    /// New pairs of the first half of a batch; `None` if a batch is paired only once.
    ///
    /// # Errors
    /// As [`Self::side_by_side`].
    pub fn anew(self, below: &FeatureMap, mut random: Random) -> Result<Option<FeatureMap>> {
        if matches!(self, Self::AsTheyAre) {
            return Ok(None);
        }
        let shape = below.shape();
        let half = MapShape { batch: shape.batch / 2, ..shape };
        let step = shape.batch * shape.positions() * shape.channels;
        let values = below.data().to_vec()?;
        let positive: Vec<f32> =
            values.chunks_exact(step.max(1)).flat_map(|step| &step[..step.len() / 2]).copied().collect();
        let positive = FeatureMap::new(half, Buffer::from_vec(below.data().device(), positive)?)?;
        let batch = half.batch as u32;
        let mut other = |own: u32| (own + if batch < 2 { 0 } else { random.random_range(1..batch) }) % batch;
        let others: Vec<u32> = (0..batch).map(&mut other).collect();
        self.side_by_side(&positive, &others).map(Some)
    }

    /// Each stimulus paired with itself; `None` if this is the stimulus unchanged.
    ///
    /// # Errors
    /// If a border is as large as its map.
    pub fn with_itself(self, input: &FeatureMap) -> Result<Option<FeatureMap>> {
        if matches!(self, Self::AsTheyAre) {
            return Ok(None);
        }
        let (alone, _) = self.made(input, |sample| sample)?;
        FeatureMap::new(input.shape(), Buffer::from_vec(input.data().device(), alone)?).map(Some)
    }

    /// Every sample (a stimulus at a step in time) paired with itself, and paired with the sample `other(sample)`.
    fn made(self, input: &FeatureMap, other: impl Fn(usize) -> usize + Sync) -> Result<(Vec<f32>, Vec<f32>)> {
        let shape = input.shape();
        let (len, channels) = (shape.positions() * shape.channels, shape.channels);
        let mut values = input.data().to_vec()?;
        let Self::Normalised { border } = self else {
            let mean = |sample: usize, at: usize| {
                0.5 * (values[sample * len + at] + values[other(sample) * len + at])
            };
            let mixed = (0..values.len()).map(|at| mean(at / len, at % len)).collect();
            return Ok((values, mixed));
        };
        let weights = weights(shape, border)?;
        let alone = vec![1.0; shape.positions()];
        let sums: Vec<Sums> = values
            .par_chunks_mut(len)
            .map(|sample| {
                let (mean, scale) = Sums::of(sample, channels, &alone).normal();
                sample.iter_mut().for_each(|value| *value = (*value - mean) * scale);
                Sums::of(sample, channels, &weights)
            })
            .collect();
        let pair = |first: usize, second: usize, into: &mut [f32]| {
            let (mean, scale) = sums[first].with(sums[second]).normal();
            let [a, b] = [first, second].map(|sample| &values[sample * len..(sample + 1) * len]);
            for ((into, a), b) in into.iter_mut().zip(a).zip(b) {
                *into = (0.5 * (a + b) - mean) * scale;
            }
        };
        let (mut own, mut mixed) = (vec![0.0; values.len()], vec![0.0; values.len()]);
        let samples = own.par_chunks_mut(len).zip(mixed.par_chunks_mut(len)).enumerate();
        samples.for_each(|(sample, (own, mixed))| {
            pair(sample, sample, own);
            pair(sample, other(sample), mixed);
        });
        Ok((own, mixed))
    }
}

/// How often each position occurs in a map with a mirrored border.
fn weights(shape: MapShape, border: usize) -> Result<Vec<f64>> {
    let [t, y, x] = shape.extent;
    if border > 0 && border >= y.min(x) {
        let message = format!("a mirror of {border} does not fit a map of {y}×{x}: use a smaller one");
        return Err(Error::config("border", message));
    }
    let axis = |length: usize| -> Vec<f64> {
        let mut often = vec![1.0; length];
        for step in 1..=border {
            often[step] += 1.0;
            often[length - 1 - step] += 1.0;
        }
        often
    };
    let (rows, columns) = (axis(y), axis(x));
    let plane = || rows.iter().flat_map(|row| columns.iter().map(move |column| row * column));
    Ok((0..t).flat_map(|_| plane()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::values;
    use plasticity_core::device::Device;
    use plasticity_core::random::stream;

    fn map(shape: MapShape, values: Vec<f32>) -> FeatureMap {
        FeatureMap::new(shape, Buffer::from_vec(&Device::open().unwrap(), values).unwrap()).unwrap()
    }

    #[test]
    fn positives_are_stimuli_and_negatives_means_of_two() {
        let shape = MapShape { time: 2, location: 1, batch: 3, extent: [1, 1, 2], channels: 1 };
        // Stimulus b at time t has the value 10ᵇ · (t + 1) everywhere.
        let values = [1.0, 1.0, 10.0, 10.0, 100.0, 100.0, 2.0, 2.0, 20.0, 20.0, 200.0, 200.0];
        let made = Pairs::AsTheyAre.side_by_side(&map(shape, values.to_vec()), &[2, 0, 1]).unwrap();
        let made = made.into_data().to_vec().unwrap();
        let step = [1.0, 1.0, 10.0, 10.0, 100.0, 100.0, 50.5, 50.5, 5.5, 5.5, 55.0, 55.0];
        assert_eq!(made, [step, step.map(|value| 2.0 * value)].concat());
    }

    /// The border written out: a pair of both padded maps has mean 0 and standard deviation 1.
    #[test]
    fn pairs_with_their_border_are_normal() {
        let shape = MapShape { time: 1, location: 1, batch: 2, extent: [1, 4, 5], channels: 2 };
        let input = map(shape, values(shape.len(), 3));
        let made = Pairs::Normalised { border: 2 }.side_by_side(&input, &[1, 0]).unwrap();
        let made = made.into_data().to_vec().unwrap();
        // A stimulus with itself.
        let mirror = |place: isize, length: isize| {
            let place = place.abs();
            (if place < length { place } else { 2 * (length - 1) - place }).unsigned_abs()
        };
        let mut padded = Vec::new();
        for row in -2..6 {
            for column in -2..7 {
                let at = 2 * (5 * mirror(row, 4) + mirror(column, 5));
                padded.extend([made[at], made[at + 1], made[at], made[at + 1]].map(f64::from));
            }
        }
        let count = padded.len() as f64;
        let mean = padded.iter().sum::<f64>() / count;
        let variance = padded.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
        assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5, "{mean} {variance}");
        // The mean of two different stimuli varies less.
        let negative = &made[2 * 40..3 * 40];
        assert!(negative.iter().map(|v| v * v).sum::<f32>() < made[..40].iter().map(|v| v * v).sum());
        let again = Pairs::Normalised { border: 2 }.with_itself(&input).unwrap().unwrap();
        assert_eq!(again.into_data().to_vec().unwrap()[..], made[..80]);
        assert!(Pairs::Normalised { border: 4 }.with_itself(&input).is_err());
    }

    #[test]
    fn modules_pair_anew_what_positive_stimuli_became() {
        let shape = MapShape { time: 1, location: 1, batch: 6, extent: [1, 2, 2], channels: 1 };
        let below = map(shape, values(shape.len(), 4));
        assert!(Pairs::AsTheyAre.anew(&below, stream(1, &[])).unwrap().is_none());
        let pairs = Pairs::Normalised { border: 0 };
        let made = |seed| {
            let made = pairs.anew(&below, stream(seed, &[])).unwrap().unwrap();
            assert_eq!(made.shape(), shape);
            made.into_data().to_vec().unwrap()
        };
        let positive = map(MapShape { batch: 3, ..shape }, below.data().to_vec().unwrap()[..12].to_vec());
        let alone = pairs.with_itself(&positive).unwrap().unwrap().into_data().to_vec().unwrap();
        assert_eq!(made(1)[..12], alone[..]);
        assert!((2..9).any(|seed| made(seed) != made(1)), "others are drawn");
    }
}
