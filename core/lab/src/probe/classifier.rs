//! A linear classifier with a softmax.

use super::labelled::Labelled;
use super::result::Found;
use crate::optimiser::Optimiser;
use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::ops::{self, Product};
use plasticity_core::parameter::Parameter;
use plasticity_core::random::Random;
use rand::RngExt;

/// Rows that are tested at once.
const BLOCK: usize = 4096;

/// u = W x + b.
pub(super) struct Classifier {
    weight: Parameter,
    bias: Parameter,
    channels: usize,
    classes: usize,
}

impl Classifier {
    /// W `[classes, channels]` and b, uniform in ±1/√channels.
    pub(super) fn new(channels: usize, classes: usize, device: &Device, random: &mut Random) -> Result<Self> {
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

    /// Tests rows; `None` where a score is not finite.
    pub(super) fn test(&self, rows: &Labelled) -> Result<Option<Found>> {
        let mut found = Found::default();
        let finite = self.each(rows, |scores, own| found.count(own as usize, scores, f32::total_cmp))?;
        Ok(finite.then(|| found.in_percent(rows.labels.len(), self.classes)))
    }

    /// The class of the highest score of every row; `None` where a score is not finite.
    pub(super) fn named(&self, rows: &Labelled) -> Result<Option<Vec<u32>>> {
        let mut named = Vec::with_capacity(rows.labels.len());
        let finite = self.each(rows, |scores, _| {
            let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            named.push(best.map_or(0, |(class, _)| class as u32));
        })?;
        Ok(finite.then_some(named))
    }

    /// Calls `use_scores` with the scores and the class of every row; stops and returns false where a score is not finite.
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

    /// W and b.
    pub(super) fn weights(&self) -> Result<[Vec<f32>; 2]> {
        Ok([self.weight.get()?, self.bias.get()?])
    }

    /// Puts back what [`weights`](Self::weights) returned.
    pub(super) fn put_back(&mut self, [weight, bias]: &[Vec<f32>; 2]) -> Result<()> {
        self.weight.set(weight)?;
        self.bias.set(bias)
    }

    /// One step on rows of features: δ = (onehot − softmax(u)) / rows; ΔW = δᵀ x, Δb = Σ δ.
    pub(super) fn learn(
        &mut self,
        values: Vec<f32>,
        labels: &[u32],
        optimiser: &mut Optimiser,
    ) -> Result<()> {
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
