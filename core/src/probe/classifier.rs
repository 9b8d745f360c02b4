//! A linear classifier with a softmax, trained by Adam.

use crate::config::ProbeConfig;
use crate::device::{Buffer, Device};
use crate::error::{Error, Result};
use crate::ops::{self, Product};
use crate::optimiser::{Optimiser, OptimiserSpec};
use crate::parameter::Parameter;
use crate::random::Random;
use rand::Rng;
use rand::seq::SliceRandom;

/// Rows of features with their classes.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    /// `[row, channel]`, flat.
    pub values: &'a [f32],
    /// Features of a row.
    pub channels: usize,
    /// The class of every row.
    pub labels: &'a [u32],
}

impl Labelled<'_> {
    fn check(&self, classes: usize) -> Result<()> {
        if self.labels.is_empty() {
            return Err(Error::stimulus("read-out", "there are no labelled stimuli"));
        }
        if self.values.len() != self.labels.len() * self.channels {
            let message = format!(
                "{} values do not make {} rows of {}",
                self.values.len(),
                self.labels.len(),
                self.channels
            );
            return Err(Error::stimulus("read-out", message));
        }
        match self.labels.iter().find(|&&label| label as usize >= classes) {
            Some(label) => {
                let message = format!("there are {classes} classes, counted from 0, but a label is {label}");
                Err(Error::stimulus("read-out", message))
            }
            None => Ok(()),
        }
    }

    fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.channels..(index + 1) * self.channels]
    }

    /// Mean and one over the standard deviation of every feature; a feature that does not vary is left out.
    fn statistics(&self) -> Vec<(f32, f32)> {
        let rows = self.labels.len();
        let mut sums = vec![(0.0f64, 0.0f64); self.channels];
        for index in 0..rows {
            for ((sum, squares), &value) in sums.iter_mut().zip(self.row(index)) {
                *sum += f64::from(value);
                *squares += f64::from(value) * f64::from(value);
            }
        }
        sums.into_iter()
            .map(|(sum, squares)| {
                let mean = sum / rows as f64;
                let variance = (squares / rows as f64 - mean * mean).max(0.0);
                let vary = variance > 1e-12 * (mean * mean).max(f64::MIN_POSITIVE);
                (mean as f32, if vary { (1.0 / variance.sqrt()) as f32 } else { 0.0 })
            })
            .collect()
    }
}

/// The percentage of `test` that a linear softmax classifier gets right after learning from `train`.
///
/// Weights W `[classes, channels]` and bias b start uniform in ±1/√channels and follow the mean cross entropy of
/// softmax(W x + b) by Adam.
///
/// # Errors
/// Where there are no rows, or a label is no class.
pub fn accuracy(
    config: &ProbeConfig,
    classes: usize,
    train: Labelled,
    test: Labelled,
    device: &Device,
    random: &mut Random,
) -> Result<f64> {
    train.check(classes)?;
    test.check(classes)?;
    if train.channels != test.channels {
        let message = format!("{} features to learn from, {} to test on", train.channels, test.channels);
        return Err(Error::stimulus("read-out", message));
    }
    let scaling = if config.standardise { train.statistics() } else { vec![(0.0, 1.0); train.channels] };
    let scaled = |rows: Labelled| -> Vec<f32> {
        let row = |row: &[f32]| -> Vec<f32> {
            row.iter().zip(&scaling).map(|(value, (mean, scale))| (value - mean) * scale).collect()
        };
        (0..rows.labels.len()).flat_map(|index| row(rows.row(index))).collect()
    };
    let (train_values, test_values) = (scaled(train), scaled(test));
    let train = Labelled { values: &train_values, ..train };
    let mut classifier = Classifier::new(train.channels, classes, device, random)?;
    let mut optimiser = Optimiser::new(OptimiserSpec::Adam {
        rate: config.rate,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: config.weight_decay,
    });
    let mut order: Vec<usize> = (0..train.labels.len()).collect();
    for _ in 0..config.epochs {
        order.shuffle(random);
        for rows in order.chunks(config.batch) {
            classifier.learn(&train, rows, &mut optimiser)?;
        }
    }
    let mut right = 0;
    for (values, labels) in test_values.chunks(BLOCK * test.channels).zip(test.labels.chunks(BLOCK)) {
        let scores = classifier.scores(values, labels.len())?.to_vec()?;
        right += scores
            .chunks_exact(classes)
            .zip(labels)
            .filter(|(scores, label)| largest(scores) == **label as usize)
            .count();
    }
    Ok(100.0 * right as f64 / test.labels.len() as f64)
}

/// Rows that are tested at once.
const BLOCK: usize = 4096;

fn largest(scores: &[f32]) -> usize {
    scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(index, _)| index)
}

struct Classifier {
    weight: Parameter,
    bias: Parameter,
    channels: usize,
    classes: usize,
}

impl Classifier {
    fn new(channels: usize, classes: usize, device: &Device, random: &mut Random) -> Result<Self> {
        let bound = 1.0 / (channels.max(1) as f32).sqrt();
        let mut draw =
            |count: usize| -> Vec<f32> { (0..count).map(|_| random.random_range(-bound..=bound)).collect() };
        let weight = Parameter::plain(device, "weight", &[classes, channels], &draw(classes * channels))?;
        let bias = Parameter::plain(device, "bias", &[classes], &draw(classes))?;
        Ok(Self { weight, bias, channels, classes })
    }

    /// `[rows, classes]`: W x + b.
    fn scores(&self, values: &[f32], rows: usize) -> Result<Buffer> {
        let device = self.weight.value().device();
        let input = Buffer::from_vec(device, values.to_vec())?;
        self.scores_of(&input, rows)
    }

    fn scores_of(&self, input: &Buffer, rows: usize) -> Result<Buffer> {
        let device = input.device();
        let bias = self.bias.value().to_vec()?;
        let mut scores = Buffer::from_vec(device, bias.repeat(rows))?;
        let product = Product::new(rows, self.classes, self.channels).transpose_b().accumulate();
        ops::product(product, input, self.weight.value(), &mut scores)?;
        Ok(scores)
    }

    /// One step on some rows: δ = (onehot − softmax(u)) / rows; ΔW = δᵀ x, Δb = Σ δ.
    fn learn(&mut self, data: &Labelled, rows: &[usize], optimiser: &mut Optimiser) -> Result<()> {
        let device = self.weight.value().device().clone();
        let values: Vec<f32> = rows.iter().flat_map(|&row| data.row(row)).copied().collect();
        let input = Buffer::from_vec(&device, values)?;
        let mut delta = self.scores_of(&input, rows.len())?.to_vec()?;
        for (scores, &row) in delta.chunks_exact_mut(self.classes).zip(rows) {
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            scores.iter_mut().for_each(|score| *score = (*score - most).exp());
            let factor = -1.0 / (scores.iter().sum::<f32>() * rows.len() as f32);
            scores.iter_mut().for_each(|score| *score *= factor);
            if let Some(own) = data.labels.get(row).and_then(|&label| scores.get_mut(label as usize)) {
                *own += 1.0 / rows.len() as f32;
            }
        }
        let delta = Buffer::from_vec(&device, delta)?;
        let mut weight = Buffer::zeros(&device, self.classes * self.channels)?;
        let product = Product::new(self.classes, self.channels, rows.len()).transpose_a();
        ops::product(product, &delta, &input, &mut weight)?;
        let bias = ops::column_sums(&delta, self.classes)?;
        optimiser.step(vec![&mut self.weight, &mut self.bias], &[weight, bias], 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    /// Three classes at the corners of a triangle, far from the origin and on scales that differ by 1000.
    fn clusters(rows: usize, seed: u64) -> (Vec<f32>, Vec<u32>) {
        let mut random = stream(seed, &[]);
        let labels: Vec<u32> = (0..rows as u32).map(|row| row % 3).collect();
        let values = labels
            .iter()
            .flat_map(|&label| {
                let (x, y) = [(0.0, 0.0), (4.0, 0.0), (0.0, 4.0)][label as usize];
                let mut noise = || random.random_range(-1.0f32..1.0);
                [50.0 + x + noise(), 0.001 * (y + noise()), 7.0]
            })
            .collect();
        (values, labels)
    }

    #[test]
    fn separable_classes_read_out_perfectly_and_random_labels_at_chance() {
        let device = Device::open().unwrap();
        let config = ProbeConfig { epochs: 40, rate: 1e-2, ..ProbeConfig::default() };
        let (train, train_labels) = clusters(300, 1);
        let (test, test_labels) = clusters(90, 2);
        let read = |train_labels: &[u32]| {
            let train = Labelled { values: &train, channels: 3, labels: train_labels };
            let test = Labelled { values: &test, channels: 3, labels: &test_labels };
            accuracy(&config, 3, train, test, &device, &mut stream(3, &[])).unwrap()
        };
        assert_eq!(read(&train_labels), 100.0);
        assert_eq!(read(&train_labels), read(&train_labels));
        let shuffled: Vec<u32> = (0..300).map(|row| (row / 3 % 3) as u32).collect();
        assert!(read(&shuffled) < 60.0);
    }

    #[test]
    fn a_label_that_is_no_class_is_an_error() {
        let device = Device::open().unwrap();
        let rows = Labelled { values: &[1.0, 2.0], channels: 1, labels: &[0, 3] };
        let error =
            accuracy(&ProbeConfig::default(), 3, rows, rows, &device, &mut stream(1, &[])).unwrap_err();
        assert!(error.to_string().contains("a label is 3"), "{error}");
    }
}
