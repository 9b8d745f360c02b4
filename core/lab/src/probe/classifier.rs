//! A linear classifier with a softmax.

use super::accuracy::ProbeSettings;
use super::labelled::Labelled;
use super::norm::Norm;
use super::orthogonal::orthogonal;
use super::result::Found;
use crate::optimiser::Optimiser;
use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::ops::{self, Product};
use plasticity_core::parameter::Parameter;
use plasticity_core::random::Random;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Rows that are tested together.
const BLOCK: usize = 4096;

/// Initial weights of a linear probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initial {
    /// W and b uniform in ±1/√channels.
    #[default]
    Uniform,
    /// W with orthogonal rows of length 1, b = 0.
    Orthogonal,
}

impl Initial {
    /// W `[classes, channels]` and b.
    fn draw(self, channels: usize, classes: usize, random: &mut Random) -> [Vec<f32>; 2] {
        let bound = 1.0 / (channels.max(1) as f32).sqrt();
        let mut uniform =
            |count: usize| -> Vec<f32> { (0..count).map(|_| random.random_range(-bound..=bound)).collect() };
        match self {
            Self::Uniform => [uniform(classes * channels), uniform(classes)],
            Self::Orthogonal => [orthogonal(classes, channels, random), vec![0.0; classes]],
        }
    }
}

/// u = W x + b, optionally with batch normalisation of x.
pub(super) struct Classifier {
    norm: Option<Norm>,
    weight: Parameter,
    bias: Parameter,
    channels: usize,
    classes: usize,
}

impl Classifier {
    /// A new classifier.
    pub(super) fn new(
        channels: usize,
        classes: usize,
        settings: &ProbeSettings,
        device: &Device,
        random: &mut Random,
    ) -> Result<Self> {
        let [weight, bias] = settings.initial.draw(channels, classes, random);
        let weight = Parameter::plain(device, "weight", &[classes, channels], &weight)?;
        let bias = Parameter::plain(device, "bias", &[classes], &bias)?;
        let norm = settings.batch_norm.then(|| Norm::new(channels, device)).transpose()?;
        Ok(Self { norm, weight, bias, channels, classes })
    }

    /// `[rows, classes]`: the scores of test rows.
    fn scores(&self, values: &[f32], rows: usize) -> Result<Buffer> {
        let values = match &self.norm {
            Some(norm) => norm.of_test(values)?,
            None => values.to_vec(),
        };
        self.scores_of(&Buffer::from_vec(self.weight.value().device(), values)?, rows)
    }

    fn scores_of(&self, input: &Buffer, rows: usize) -> Result<Buffer> {
        let device = input.device();
        let bias = self.bias.value().to_vec()?;
        let mut scores = Buffer::from_vec(device, bias.repeat(rows))?;
        let product = Product::new(rows, self.classes, self.channels).transpose_b().accumulate();
        ops::product(product, input, self.weight.value(), &mut scores)?;
        Ok(scores)
    }

    /// Tests rows; `None` if a score is not finite.
    pub(super) fn test(&self, rows: &Labelled) -> Result<Option<Found>> {
        let mut found = Found::default();
        let finite = self.each(rows, |scores, own| found.count(own as usize, scores, f32::total_cmp))?;
        Ok(finite.then(|| found.in_percent(rows.labels.len(), self.classes)))
    }

    /// The class with the highest score of every row; `None` if a score is not finite.
    pub(super) fn named(&self, rows: &Labelled) -> Result<Option<Vec<u32>>> {
        let mut named = Vec::with_capacity(rows.labels.len());
        let finite = self.each(rows, |scores, _| {
            let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            named.push(best.map_or(0, |(class, _)| class as u32));
        })?;
        Ok(finite.then_some(named))
    }

    /// Calls `use_scores` with the scores and the class of every row; stops and returns false if a score is not finite.
    fn each(&self, rows: &Labelled, mut use_scores: impl FnMut(&[f32], u32)) -> Result<bool> {
        for (values, labels) in rows.values.chunks(BLOCK * self.channels).zip(rows.labels.chunks(BLOCK)) {
            let scores = self.scores(values, labels.len())?.to_vec()?;
            if !scores.iter().all(|score| score.is_finite()) {
                return Ok(false);
            }
            scores.chunks_exact(self.classes).zip(labels).for_each(|(scores, &own)| use_scores(scores, own));
        }
        Ok(true)
    }

    /// All learned weights.
    pub(super) fn weights(&self) -> Result<Weights> {
        let norm = self.norm.as_ref().map(Norm::state).transpose()?;
        Ok(Weights { linear: [self.weight.get()?, self.bias.get()?], norm })
    }

    /// Restores the weights that [`weights`](Self::weights) returned.
    pub(super) fn put_back(&mut self, weights: &Weights) -> Result<()> {
        let [weight, bias] = &weights.linear;
        self.weight.set(weight)?;
        self.bias.set(bias)?;
        match (&mut self.norm, &weights.norm) {
            (Some(norm), Some(state)) => norm.put_back(state),
            _ => Ok(()),
        }
    }

    /// One step on rows of features. After the normalisation, `drop_out` leaves out some features.
    pub(super) fn learn(
        &mut self,
        mut values: Vec<f32>,
        labels: &[u32],
        drop_out: &mut dyn FnMut(&mut [f32]),
        optimiser: &mut Optimiser,
    ) -> Result<()> {
        let Some(mut norm) = self.norm.take() else {
            drop_out(&mut values);
            let (_, updates) = self.updates(values, labels)?;
            return optimiser.step(vec![&mut self.weight, &mut self.bias], &updates);
        };
        let centred = norm.of_step(&values);
        let mut mask = vec![1.0; values.len()];
        drop_out(&mut mask);
        let mut seen = norm.scaled(centred.clone())?;
        seen.iter_mut().zip(&mask).for_each(|(seen, kept)| *seen *= kept);
        let (delta, [weight, bias]) = self.updates(seen, labels)?;
        let device = delta.device().clone();
        // Δβ = Σ f and Δγ = Σ f x̂, with f = m ⊙ Wᵀ δ.
        let mut feedback = Buffer::zeros(&device, mask.len())?;
        let product = Product::new(labels.len(), self.channels, self.classes);
        ops::product(product, &delta, self.weight.value(), &mut feedback)?;
        let mut factor = feedback.to_vec()?;
        factor.iter_mut().zip(&mask).for_each(|(factor, kept)| *factor *= kept);
        let on_gain: Vec<f32> =
            factor.iter().zip(&centred).map(|(factor, centred)| factor * centred).collect();
        let sums = |values: Vec<f32>| -> Result<Buffer> {
            Ok(ops::column_sums(&Buffer::from_vec(&device, values)?, self.channels)?)
        };
        let updates = [weight, bias, sums(on_gain)?, sums(factor)?];
        let parameters = vec![&mut self.weight, &mut self.bias, &mut norm.gain, &mut norm.shift];
        optimiser.step(parameters, &updates)?;
        self.norm = Some(norm);
        Ok(())
    }

    /// δ = (onehot − softmax(u)) / rows `[rows, classes]`; ΔW = δᵀ x and Δb = Σ δ.
    fn updates(&self, values: Vec<f32>, labels: &[u32]) -> Result<(Buffer, [Buffer; 2])> {
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
        Ok((delta, [weight, bias]))
    }
}

/// The learned weights of a classifier.
pub(super) struct Weights {
    linear: [Vec<f32>; 2],
    /// γ, β and running statistics.
    pub(super) norm: Option<[Vec<f32>; 4]>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProbeConfig;
    use crate::optimiser::OptimiserSpec;
    use crate::probe::ProbeKind;
    use approx::assert_abs_diff_eq;
    use plasticity_core::random::stream;

    const ROWS: usize = 5;
    const CHANNELS: usize = 3;

    /// The mean cross entropy of softmax(W (m ⊙ (γ x̂ + β)) + b).
    fn loss(weights: &Weights, centred: &[f32], mask: &[f32], labels: &[u32]) -> f64 {
        let ([weight, bias], Some([gain, shift, ..])) = (&weights.linear, &weights.norm) else { panic!() };
        let of_row = |row: usize| {
            let seen = |c: usize| {
                let at = row * CHANNELS + c;
                f64::from(mask[at]) * f64::from(gain[c] * centred[at] + shift[c])
            };
            let score = |class: usize| {
                let drive =
                    (0..CHANNELS).map(|c| f64::from(weight[class * CHANNELS + c]) * seen(c)).sum::<f64>();
                f64::from(bias[class]) + drive
            };
            let own = labels[row] as usize;
            (0..2).map(|class| score(class).exp()).sum::<f64>().ln() - score(own)
        };
        (0..ROWS).map(of_row).sum::<f64>() / ROWS as f64
    }

    /// A step of plain gradient descent at rate 1 is minus the slope; finite differences give the same slope.
    #[test]
    fn everything_behind_the_features_follows_the_gradient() {
        let config = ProbeConfig { batch_norm: true, initial: Initial::Orthogonal, ..ProbeConfig::default() };
        let (settings, device) = (config.settings(ProbeKind::Raw), Device::open().unwrap());
        let mut classifier = Classifier::new(CHANNELS, 2, &settings, &device, &mut stream(1, &[])).unwrap();
        let mut random = stream(2, &[]);
        let values: Vec<f32> = (0..ROWS * CHANNELS).map(|_| random.random_range(-1.0..1.0)).collect();
        let labels: Vec<u32> = (0..ROWS as u32).map(|row| row % 2).collect();
        let mask: Vec<f32> = (0..values.len()).map(|at| if at % 4 == 0 { 0.0 } else { 1.25 }).collect();
        let before = classifier.weights().unwrap();
        let centred = Norm::new(CHANNELS, &device).unwrap().of_step(&values);
        let mut drop_out =
            |values: &mut [f32]| values.iter_mut().zip(&mask).for_each(|(value, kept)| *value *= kept);
        let sgd = OptimiserSpec::Sgd { rate: 1.0, momentum: 0.0, weight_decay: 0.0, decay_biases: true };
        classifier.learn(values, &labels, &mut drop_out, &mut Optimiser::new(sgd)).unwrap();
        let after = classifier.weights().unwrap();
        let parts = |weights: &Weights| -> Vec<Vec<f32>> {
            weights.linear.iter().chain(&weights.norm.as_ref().unwrap()[..2]).cloned().collect()
        };
        let (start, end) = (parts(&before), parts(&after));
        for (part, (from, to)) in start.iter().zip(&end).enumerate() {
            for at in 0..from.len() {
                let at_distance = |by: f32| {
                    let mut parts = start.clone();
                    parts[part][at] += by;
                    let [weight, bias, gain, shift] = <[Vec<f32>; 4]>::try_from(parts).unwrap();
                    let moved =
                        Weights { linear: [weight, bias], norm: Some([gain, shift, Vec::new(), Vec::new()]) };
                    loss(&moved, &centred, &mask, &labels)
                };
                let slope = (at_distance(1e-2) - at_distance(-1e-2)) / 2e-2;
                assert_abs_diff_eq!(f64::from(to[at] - from[at]), -slope, epsilon = 1e-4);
            }
        }
        classifier.put_back(&before).unwrap();
        assert_eq!(parts(&classifier.weights().unwrap()), start);
    }
}
