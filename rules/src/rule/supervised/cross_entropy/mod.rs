//! Cross entropy of a linear classifier on the mean representation of an input, or of every labelled frame.

use crate::rule::output::{self, output};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::Draws;
use plasticity_core::ops::{self, Product};
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{PlasticityRule, RuleUpdate, Signals, Site, Taped};
use plasticity_core::random::{Random, uniform};
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_core::stimulus::{UNLABELLED, span};
use plasticity_core::taped::Scalar;
use plasticity_core::{Error, Result};
use std::ops::Range;

/// L = −mean over inputs of log softmax(W z̄ + b)\[label\], with z̄ the representation's mean over time and location.
///
/// If frames are labelled (speech), the mean is over labelled frames, and z̄ of a frame is the mean over location and
/// over the steps in time that the frame covers. If a module ends in a recurrent layer, the classifier uses the
/// output of this layer.
///
/// # Shapes
/// `readout.weight` `[classes, C]`, `readout.bias` `[classes]`.
pub struct CrossEntropy {
    rule: &'static str,
    classes: usize,
    channel: usize,
    weight: Parameter,
    bias: Parameter,
}

/// The error of a classifier on a batch.
pub struct ClassifierError {
    /// The cross entropy, one value.
    pub loss: Buffer,
    /// −∂L/∂logits `[frame, batch, classes]`: zero in a row without a label.
    pub errors: Buffer,
    /// z̄ `[frame, batch, C]`.
    means: Buffer,
    frames: Frames,
}

/// The rows of a representation over which the classifier averages, for each frame.
struct Frames {
    count: usize,
    batch: usize,
    /// For every place of every frame: 1 divided by the number of places of the frame.
    weights: Buffer,
    /// The places (steps · locations) of each frame.
    places: Vec<Range<usize>>,
}

impl Frames {
    fn new(device: &Device, count: usize, shape: RepresentationShape) -> Result<Self> {
        let places: Vec<_> = (0..count)
            .map(|frame| {
                let steps = span(frame, count, shape.time);
                steps.start * shape.location..steps.end * shape.location
            })
            .collect();
        let weights = places.iter().flat_map(|p| vec![1.0 / p.len() as f32; p.len()]).collect();
        Ok(Self { count, batch: shape.batch, weights: Buffer::from_vec(device, weights)?, places })
    }

    fn rows(&self) -> usize {
        self.count * self.batch
    }

    /// One product for each frame, between its mean and its places. The rows of one place are contiguous.
    fn each(&self, mut run: impl FnMut(&Buffer, usize, usize, &Range<usize>) -> Result<()>) -> Result<()> {
        let mut first = 0;
        for (frame, places) in self.places.iter().enumerate() {
            run(&self.weights, first, frame, places)?;
            first += places.len();
        }
        Ok(())
    }

    /// `[frame, batch, C]`: the mean of each frame.
    fn means(&self, data: &Buffer, channel: usize) -> Result<Buffer> {
        let width = self.batch * channel;
        let mut means = Buffer::zeros(data.device(), self.rows() * channel)?;
        self.each(|weights, first, frame, places| {
            let product = Product::new(1, width, places.len()).at(first, places.start * width, frame * width);
            Ok(ops::product(product, weights, data, &mut means)?)
        })?;
        Ok(means)
    }

    /// Post factors of the representation from the post factors of the means.
    fn spread(&self, each: &Buffer, shape: RepresentationShape) -> Result<Buffer> {
        let width = self.batch * shape.channel;
        let mut all = Buffer::zeros(each.device(), shape.len())?;
        self.each(|weights, first, frame, places| {
            let product = Product::new(places.len(), width, 1).accumulate();
            let product = product.at(first, frame * width, places.start * width);
            Ok(ops::product(product, weights, each, &mut all)?)
        })?;
        Ok(all)
    }

    /// The weight of a place in the mean of a frame.
    fn share(&self, frame: usize, place: usize) -> f32 {
        let places = &self.places[frame];
        if places.contains(&place) { 1.0 / places.len() as f32 } else { 0.0 }
    }

    /// Labels in the order of rows, from labels in the order of stimuli.
    fn by_row(&self, labels: &[u32]) -> Vec<Option<usize>> {
        let at = |row: usize| labels[row % self.batch * self.count + row / self.batch];
        (0..self.rows()).map(at).map(|label| (label != UNLABELLED).then_some(label as usize)).collect()
    }
}

impl CrossEntropy {
    /// The rule `rule` for representations of `channel` neurons, with a new classifier.
    ///
    /// # Errors
    /// If the stimuli have no classes.
    pub fn new(rule: &'static str, channel: usize, to: &Site, random: &mut Random) -> Result<Self> {
        let Some(classes) = to.classes.filter(|&classes| classes > 0) else {
            let message = format!(
                "`{rule}` needs labels, but this stimulus has no classes: use a labelled stimulus or another rule"
            );
            return Err(Error::config("type", message));
        };
        let draw = |count| Ok(uniform(random, count, channel));
        let weight = Parameter::drawn(to.device, "readout.weight", &[classes, channel], &[0, 1], draw)?;
        let bias = uniform(random, classes, channel);
        let bias = Parameter::plain(to.device, "readout.bias", &[classes], &bias)?;
        Ok(Self { rule, classes, channel, weight, bias })
    }

    /// The frames of a batch and the label of each row, checked.
    fn labels(
        &self,
        labels: Option<&[u32]>,
        shape: RepresentationShape,
        device: &Device,
    ) -> Result<(Frames, Vec<Option<usize>>)> {
        let fail = |message| Err(Error::shape(format!("rule {}", self.rule), message));
        let Some(labels) = labels else {
            return fail("needs labels, but an input of this batch has none".to_owned());
        };
        let fits = !shape.is_empty() && !labels.is_empty() && labels.len().is_multiple_of(shape.batch);
        if !fits || shape.channel != self.channel {
            let (batch, channel) = (shape.batch, shape.channel);
            return fail(format!(
                "expected representations of {} neurons with a label for each input, or for each of its frames, got \
                 {channel} neurons, {batch} inputs and {} labels",
                self.channel,
                labels.len()
            ));
        }
        if let Some(label) = labels.iter().find(|&&l| l != UNLABELLED && l as usize >= self.classes) {
            return fail(format!("label {label} is not one of the {} classes", self.classes));
        }
        let frames = Frames::new(device, labels.len() / shape.batch, shape)?;
        let labels = frames.by_row(labels);
        Ok((frames, labels))
    }

    /// Loss and −∂L/∂logits `[rows, classes]`, computed on the host because a batch has few rows. If there is no
    /// label, both are 0.
    fn errors(&self, logits: &[f32], labels: &[Option<usize>]) -> (f32, Vec<f32>) {
        let count = labels.iter().flatten().count().max(1);
        let share = 1.0 / count as f32;
        let mut loss = 0.0;
        let mut errors = Vec::with_capacity(logits.len());
        for (logits, label) in logits.chunks_exact(self.classes).zip(labels) {
            let Some(label) = *label else {
                errors.resize(errors.len() + self.classes, 0.0);
                continue;
            };
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
            loss += f64::from(most + sum.ln() - logits[label]);
            errors.extend(logits.iter().enumerate().map(|(class, logit)| {
                let hit = f32::from(u8::from(class == label));
                share * (hit - (logit - most).exp() / sum)
            }));
        }
        ((loss / count as f64) as f32, errors)
    }

    /// Classifies a representation and compares the result with the labels.
    ///
    /// # Errors
    /// If labels are missing or do not fit.
    pub fn error(&self, seen: &Representation, labels: Option<&[u32]>) -> Result<ClassifierError> {
        let device = seen.data().device();
        let (frames, labels) = self.labels(labels, seen.shape(), device)?;
        let (rows, channel, classes) = (frames.rows(), self.channel, self.classes);
        let means = frames.means(seen.data(), channel)?;
        let mut logits = Buffer::zeros(device, rows * classes)?;
        let product = Product::new(rows, classes, channel).transpose_b();
        ops::product(product, &means, self.weight.value(), &mut logits)?;
        let bias = self.bias.get()?;
        let mut logits = logits.to_vec()?;
        logits.chunks_exact_mut(classes).flat_map(|row| row.iter_mut().zip(&bias)).for_each(|(l, b)| *l += b);
        let (loss, errors) = self.errors(&logits, &labels);
        let (loss, errors) = (Buffer::from_vec(device, vec![loss])?, Buffer::from_vec(device, errors)?);
        Ok(ClassifierError { loss, errors, means, frames })
    }

    /// Updates of weights and biases from an error.
    ///
    /// # Errors
    /// If the error comes from another classifier.
    pub fn own(&self, error: &ClassifierError) -> Result<Vec<Buffer>> {
        let (classes, channel) = (self.classes, self.channel);
        let mut weight = Buffer::zeros(error.errors.device(), classes * channel)?;
        let product = Product::new(classes, channel, error.frames.rows()).transpose_a();
        ops::product(product, &error.errors, &error.means, &mut weight)?;
        Ok(vec![weight, ops::column_sums(&error.errors, classes)?])
    }
}

impl ClassifierError {
    /// The post factor of a representation of `shape` that receives the error through `weight` `[classes, C]`.
    ///
    /// # Errors
    /// If the weights or the shape belong to another classifier.
    pub fn through(&self, weight: &Buffer, shape: RepresentationShape) -> Result<Buffer> {
        let (rows, channel) = (self.frames.rows(), shape.channel);
        let classes = self.errors.len() / rows.max(1);
        let mut each = Buffer::zeros(weight.device(), rows * channel)?;
        ops::product(Product::new(rows, channel, classes), &self.errors, weight, &mut each)?;
        Frames::new(weight.device(), self.frames.count, shape)?.spread(&each, shape)
    }
}

impl PlasticityRule for CrossEntropy {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let seen = output(signals);
        let error = self.error(seen, signals.labels)?;
        let factor = error.through(self.weight.value(), seen.shape())?;
        let own = self.own(&error)?;
        output::update(signals, error.loss, factor, own)
    }

    fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<Scalar>> {
        let shape = signals.context_shape();
        let (frames, labels) = self.labels(signals.labels(), shape, signals.device())?;
        let (places, rows) = (shape.time * shape.location, frames.rows());
        let shares = signals.constant(frames.count, places, |frame, place| frames.share(frame, place));
        let wide = signals.context().reshape(places, shape.batch * shape.channel);
        let means = shares.matmul(&wide).reshape(rows, shape.channel);
        let logits = means.matmul(&signals.own(0)?.transpose()) + signals.own(1)?;
        let share = -1.0 / labels.iter().flatten().count().max(1) as f32;
        let hits = signals.constant(
            rows,
            self.classes,
            |row, class| {
                if labels[row] == Some(class) { share } else { 0.0 }
            },
        );
        Ok(Some((logits.log_softmax() * hits).sum()))
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.weight, &mut self.bias]
    }
}

#[cfg(test)]
mod tests;
