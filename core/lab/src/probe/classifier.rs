//! A linear classifier with a softmax, trained by Adam.

use super::protocol::ProbeKind;
use crate::optimiser::{Optimiser, OptimiserSpec};
use crate::schedule::Schedule;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::ops::{self, Product};
use plasticity_core::parameter::Parameter;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use rand::RngExt;
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
            return Err(Error::stimulus("probe", "there are no labelled stimuli"));
        }
        if self.values.len() != self.labels.len() * self.channels {
            let message = format!(
                "{} values do not make {} rows of {}",
                self.values.len(),
                self.labels.len(),
                self.channels
            );
            return Err(Error::stimulus("probe", message));
        }
        if self.values.iter().any(|value| !value.is_finite()) {
            return Err(Error::stimulus("probe", "a feature is not finite: the network has diverged"));
        }
        match self.labels.iter().find(|&&label| label as usize >= classes) {
            Some(label) => {
                let message = format!("there are {classes} classes, counted from 0, but a label is {label}");
                Err(Error::stimulus("probe", message))
            }
            None => Ok(()),
        }
    }

    /// The values less their mean, times their scale.
    fn scaled(&self, scaling: &[(f32, f32)]) -> Vec<f32> {
        let scaled = |row: &[f32]| -> Vec<f32> {
            row.iter().zip(scaling).map(|(value, (mean, scale))| (value - mean) * scale).collect()
        };
        (0..self.labels.len()).flat_map(|index| scaled(self.row(index))).collect()
    }

    pub(super) fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.channels..(index + 1) * self.channels]
    }
}

/// Mean and one over the standard deviation of every feature; a feature that does not vary is left out.
fn statistics(passes: &[Labelled], channels: usize) -> Vec<(f32, f32)> {
    let mut sums = vec![(0.0f64, 0.0f64); channels];
    let mut rows = 0;
    for pass in passes {
        rows += pass.labels.len();
        for index in 0..pass.labels.len() {
            for ((sum, squares), &value) in sums.iter_mut().zip(pass.row(index)) {
                *sum += f64::from(value);
                *squares += f64::from(value) * f64::from(value);
            }
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

/// How a linear probe learns.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeSettings {
    /// On which features.
    pub kind: ProbeKind,
    /// Passes over the training stimuli.
    pub epochs: u64,
    /// Adam's learning rate.
    pub rate: f32,
    /// Shares of the epochs after each of which it is halved.
    pub halve_at: Vec<f32>,
    /// What it is multiplied by, step by step.
    pub schedule: Option<Schedule>,
    /// Stimuli in a step.
    pub batch: usize,
    /// Probability with which each feature is left out in each step.
    pub dropout: f32,
    /// Weight decay, added to the gradient.
    pub weight_decay: f32,
}

/// The percentage of `test` that a linear softmax classifier gets right after learning from `train`: one pass over the
/// training stimuli or several, which take turns.
///
/// Weights W `[classes, channels]` and bias b start uniform in ±1/√channels and follow the mean cross entropy of
/// softmax(W x + b) by Adam. With `dropout` p, learning sees x ⊙ m / (1 − p), where each value of the mask m is 0 with
/// probability p, drawn anew for every row of every step (Srivastava et al. 2014); testing sees x.
///
/// # Errors
/// Where there are no rows, a value is not finite, or a label is no class; where learning diverges, names the key.
pub fn accuracy(
    settings: &ProbeSettings,
    classes: usize,
    train: &[Labelled],
    test: Labelled,
    device: &Device,
    random: &mut Random,
) -> Result<f64> {
    let named = predictions(settings, classes, train, test, device, random)?;
    let right = named.iter().zip(test.labels).filter(|(named, label)| named == label).count();
    Ok(100.0 * right as f64 / test.labels.len() as f64)
}

/// The class that the classifier of [`accuracy`] gives each row of `test`.
///
/// # Errors
/// As [`accuracy`].
pub fn predictions(
    settings: &ProbeSettings,
    classes: usize,
    train: &[Labelled],
    test: Labelled,
    device: &Device,
    random: &mut Random,
) -> Result<Vec<u32>> {
    train.iter().try_for_each(|pass| pass.check(classes))?;
    test.check(classes)?;
    if let Some(other) = train.iter().find(|pass| pass.channels != test.channels) {
        let message = format!("{} features to learn from, {} to test on", other.channels, test.channels);
        return Err(Error::stimulus("probe", message));
    }
    // Raw features can be many: they are not copied.
    let scaling = (settings.kind == ProbeKind::Standardised).then(|| statistics(train, test.channels));
    let scaled = |rows: &Labelled| scaling.as_ref().map(|scaling| rows.scaled(scaling));
    let scaled_test = scaled(&test);
    let test = Labelled { values: scaled_test.as_deref().unwrap_or(test.values), ..test };
    let scaled_passes: Vec<_> = train.iter().map(scaled).collect();
    let of_pass = |(pass, scaled)| -> Labelled {
        let (pass, scaled): (&Labelled, &Option<Vec<f32>>) = (pass, scaled);
        Labelled { values: scaled.as_deref().unwrap_or(pass.values), ..*pass }
    };
    let passes: Vec<Labelled> = train.iter().zip(&scaled_passes).map(of_pass).collect();
    let mut classifier = Classifier::new(test.channels, classes, device, random)?;
    let mut optimiser = Optimiser::new(OptimiserSpec::adam(settings.rate, settings.weight_decay));
    let mut order: Vec<usize> = (0..passes.first().map_or(0, |pass| pass.labels.len())).collect();
    let per_epoch = order.len().div_ceil(settings.batch) as u64;
    let rates = settings.schedule.as_ref();
    let rates = rates.map(|schedule| schedule.rates(per_epoch, per_epoch.saturating_mul(settings.epochs)));
    for (epoch, pass) in (0..settings.epochs).zip(passes.iter().cycle()) {
        let reached = |share: &&f32| epoch as f64 >= f64::from(**share) * settings.epochs as f64;
        let halvings = settings.halve_at.iter().filter(reached).count() as i32;
        optimiser.set_rate(settings.rate * 0.5_f32.powi(halvings));
        order.shuffle(random);
        for rows in order.chunks(settings.batch) {
            let mut values = Vec::with_capacity(rows.len() * pass.channels);
            rows.iter().for_each(|&row| values.extend_from_slice(pass.row(row)));
            if settings.dropout > 0.0 {
                drop_out(&mut values, settings.dropout, random);
            }
            let labels: Vec<u32> = rows.iter().filter_map(|&row| pass.labels.get(row)).copied().collect();
            optimiser.scale_rate(rates.as_ref().map_or(1.0, |rates| rates.factor(optimiser.steps())));
            classifier.learn(values, &labels, &mut optimiser)?;
        }
    }
    let mut named = Vec::with_capacity(test.labels.len());
    for (values, labels) in test.values.chunks(BLOCK * test.channels).zip(test.labels.chunks(BLOCK)) {
        let scores = classifier.scores(values, labels.len())?.to_vec()?;
        if !scores.iter().all(|score| score.is_finite()) {
            let message =
                format!("at {} the probe's scores are not finite: give a lower rate", settings.rate);
            return Err(Error::config("probe.rate", message));
        }
        named.extend(scores.chunks_exact(classes).map(|scores| largest(scores) as u32));
    }
    Ok(named)
}

/// Rows that are tested at once.
const BLOCK: usize = 4096;

fn largest(scores: &[f32]) -> usize {
    scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(index, _)| index)
}

/// Sets each value to 0 with `probability` and divides the others by 1 − `probability`.
fn drop_out(values: &mut [f32], probability: f32, random: &mut Random) {
    let scale = 1.0 / (1.0 - probability);
    let mut words = [0u32; 1024];
    for values in values.chunks_mut(words.len()) {
        let words = &mut words[..values.len()];
        random.fill(words);
        for (value, word) in values.iter_mut().zip(words) {
            let drawn = (*word >> 8) as f32 * (1.0 / 16_777_216.0);
            *value *= if drawn < probability { 0.0 } else { scale };
        }
    }
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

    /// One step on rows of features: δ = (onehot − softmax(u)) / rows; ΔW = δᵀ x, Δb = Σ δ.
    fn learn(&mut self, values: Vec<f32>, labels: &[u32], optimiser: &mut Optimiser) -> Result<()> {
        let device = self.weight.value().device().clone();
        let rows = labels.len();
        let input = Buffer::from_vec(&device, values)?;
        let mut delta = self.scores_of(&input, rows)?.to_vec()?;
        for (scores, &label) in delta.chunks_exact_mut(self.classes).zip(labels) {
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            scores.iter_mut().for_each(|score| *score = (*score - most).exp());
            let factor = -1.0 / (scores.iter().sum::<f32>() * rows as f32);
            scores.iter_mut().for_each(|score| *score *= factor);
            if let Some(own) = scores.get_mut(label as usize) {
                *own += 1.0 / rows as f32;
            }
        }
        let delta = Buffer::from_vec(&device, delta)?;
        let mut weight = Buffer::zeros(&device, self.classes * self.channels)?;
        let product = Product::new(self.classes, self.channels, rows).transpose_a();
        ops::product(product, &delta, &input, &mut weight)?;
        let bias = ops::column_sums(&delta, self.classes)?;
        optimiser.step(vec![&mut self.weight, &mut self.bias], &[weight, bias])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProbeConfig;
    use approx::assert_abs_diff_eq;
    use plasticity_core::random::stream;

    fn standardised(config: ProbeConfig) -> ProbeSettings {
        config.settings(ProbeKind::Standardised)
    }

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
        let settings = standardised(ProbeConfig { epochs: Some(40), rate: 1e-2, ..ProbeConfig::default() });
        let (train, train_labels) = clusters(300, 1);
        let (test, test_labels) = clusters(90, 2);
        let read = |train_labels: &[u32]| {
            let train = Labelled { values: &train, channels: 3, labels: train_labels };
            let test = Labelled { values: &test, channels: 3, labels: &test_labels };
            accuracy(&settings, 3, &[train], test, &device, &mut stream(3, &[])).unwrap()
        };
        assert_eq!(read(&train_labels), 100.0);
        assert_eq!(read(&train_labels), read(&train_labels));
        let shuffled: Vec<u32> = (0..300).map(|row| (row / 3 % 3) as u32).collect();
        assert!(read(&shuffled) < 60.0);
    }

    #[test]
    fn dropout_keeps_the_mean_and_leaves_out_its_share() {
        let mut values = vec![2.0; 100_000];
        drop_out(&mut values, 0.25, &mut stream(5, &[]));
        let left_out = values.iter().filter(|&&value| value == 0.0).count() as f64;
        // 100,000 draws: the standard deviation of the share is 0.0014.
        assert_abs_diff_eq!(left_out / 1e5, 0.25, epsilon = 0.006);
        assert!(values.iter().all(|&value| value == 0.0 || (value - 2.0 / 0.75).abs() < 1e-6));
        let mut random = stream(5, &[]);
        let one_by_one = values.iter().map(|_| random.random::<f32>() < 0.25);
        assert!(values.iter().zip(one_by_one).all(|(value, left_out)| (*value == 0.0) == left_out));
    }

    /// 200 features, a fifth of which tells the class a little, and 60 rows to learn from.
    #[test]
    fn a_probe_with_dropout_learns_and_repeats() {
        let device = Device::open().unwrap();
        let draw = |seed, rows: u32| -> (Vec<f32>, Vec<u32>) {
            let mut random = stream(seed, &[]);
            let row = |label: u32, random: &mut Random| {
                let mut row: Vec<f32> = (0..200).map(|_| random.random_range(-1.0..1.0)).collect();
                for (at, value) in row.iter_mut().take(40).enumerate() {
                    let sign = if (at % 2 == 0) == (label == 0) { 1.0 } else { -1.0 };
                    *value += 0.12 * sign;
                }
                row
            };
            let labels: Vec<u32> = (0..rows).map(|row| row % 2).collect();
            (labels.iter().flat_map(|&label| row(label, &mut random)).collect(), labels)
        };
        let ((train, train_labels), (test, test_labels)) = (draw(1, 60), draw(2, 2000));
        let read = |dropout| {
            let config = ProbeConfig {
                epochs: Some(300),
                rate: 1e-2,
                batch: Some(60),
                dropout,
                ..ProbeConfig::default()
            };
            let settings = standardised(config);
            let train = Labelled { values: &train, channels: 200, labels: &train_labels };
            let test = Labelled { values: &test, channels: 200, labels: &test_labels };
            accuracy(&settings, 2, &[train], test, &device, &mut stream(3, &[])).unwrap()
        };
        let (without, with) = (read(0.0), read(0.5));
        assert_eq!(with, read(0.5), "the same seed gives the same probe");
        assert_ne!(with, without);
        assert!(with > 60.0, "{without} {with}");
    }

    #[test]
    fn a_probe_that_diverges_is_an_error_and_not_chance() {
        let device = Device::open().unwrap();
        let settings = standardised(ProbeConfig { epochs: Some(2), rate: 1e38, ..ProbeConfig::default() });
        let (values, labels) = clusters(30, 1);
        let rows = Labelled { values: &values, channels: 3, labels: &labels };
        let error =
            accuracy(&settings, 3, &[rows], rows, &device, &mut stream(3, &[])).unwrap_err().to_string();
        assert!(error.starts_with("probe.rate: ") && error.contains("not finite"), "{error}");
    }

    #[test]
    fn a_label_that_is_no_class_is_an_error() {
        let device = Device::open().unwrap();
        let rows = Labelled { values: &[1.0, 2.0], channels: 1, labels: &[0, 3] };
        let settings = standardised(ProbeConfig::default());
        let error = accuracy(&settings, 3, &[rows], rows, &device, &mut stream(1, &[])).unwrap_err();
        assert!(error.to_string().contains("a label is 3"), "{error}");
    }

    /// Features that vary a thousandth as much as their mean: raw, the classes are not told apart; standardised, they are.
    #[test]
    fn the_probes_differ_where_a_mean_hides_what_varies() {
        let device = Device::open().unwrap();
        let rows = |seed| {
            let (values, labels) = clusters(300, seed);
            // Both features that tell the classes on one scale.
            let scales = [0.01, 10.0, 0.01].into_iter().cycle();
            (
                values.iter().zip(scales).map(|(value, scale)| 50.0 + scale * value).collect::<Vec<f32>>(),
                labels,
            )
        };
        let ((train, train_labels), (test, test_labels)) = (rows(1), rows(2));
        let read = |kind| {
            let config = ProbeConfig { epochs: Some(40), rate: 1e-2, ..ProbeConfig::default() };
            let train = Labelled { values: &train, channels: 3, labels: &train_labels };
            let test = Labelled { values: &test, channels: 3, labels: &test_labels };
            accuracy(&config.settings(kind), 3, &[train], test, &device, &mut stream(3, &[])).unwrap()
        };
        let (raw, standardised) = (read(ProbeKind::Raw), read(ProbeKind::Standardised));
        assert!(raw < 60.0 && standardised > 90.0, "{raw} {standardised}");
    }
}
