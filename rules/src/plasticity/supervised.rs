//! `supervised` and `greedy_supervised`: cross entropy of a linear read-out, the labelled baselines.

use crate::{refused, tensors, uniform};
use dfdx::shapes::Axis;
use dfdx::tensor::TensorFromVec;
use dfdx::tensor_ops::{PermuteTo, ReshapeTo, SumTo, TryAdd, TryMatMul, TryMul};
use plasticity_core::autodiff::Taped;
use plasticity_core::device::{Buffer, TapedMatrix, TapedScalar};
use plasticity_core::draws::Draws;
use plasticity_core::ops::{self, Product};
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{Modules, PlasticityRule, RuleContext, RuleSpec, RuleUpdate, Signals};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_core::{Error, Result};

/// One read-out at the top, with gradients through all layers.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supervised {}

/// One read-out for each gradient-isolated module.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GreedySupervised {}

plugin! {
    Rule "supervised": "Supervised learning: cross entropy at the top, gradients through all layers",
    equation: "L = −mean log softmax(W z̄ + b)[label]",
    citation: "Illing et al. 2021, Table 1",
    keys: [],
    example: "type = \"supervised\"",
    impl RuleSpec for Supervised {
        fn build(&self, context: &RuleContext, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(CrossEntropy::new("supervised", context, random)?))
        }

        fn modules(&self) -> Modules {
            Modules::Named("end_to_end".to_owned())
        }

        fn supervised(&self) -> bool {
            true
        }
    }
}

plugin! {
    Rule "greedy_supervised": "Greedy supervised learning: a cross entropy of its own for every module",
    equation: "L = −mean log softmax(W z̄ + b)[label]",
    citation: "Nøkland & Eidnes 2019; Illing et al. 2021, Table 1",
    keys: [],
    example: "type = \"greedy_supervised\"",
    impl RuleSpec for GreedySupervised {
        fn build(&self, context: &RuleContext, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(CrossEntropy::new("greedy_supervised", context, random)?))
        }

        fn supervised(&self) -> bool {
            true
        }
    }
}

/// L = −mean over inputs of log softmax(W z̄ + b)\[label\], with z̄ the representation's mean over time and location.
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

impl CrossEntropy {
    /// The rule `rule` for a module, with a fresh read-out.
    ///
    /// # Errors
    /// Where the stimuli have no classes.
    pub fn new(rule: &'static str, to: &RuleContext, random: &mut Random) -> Result<Self> {
        let Some(classes) = to.classes.filter(|&classes| classes > 0) else {
            let message =
                "learns from labels, and this stimulus has no classes: use a labelled one, or another rule";
            return Err(Error::config(format!("rule {rule}"), message));
        };
        let channel = to.target.channel;
        let weight = uniform(random, classes * channel, channel);
        let bias = uniform(random, classes, channel);
        Ok(Self {
            rule,
            classes,
            channel,
            weight: Parameter::plain(to.device, "readout.weight", &[classes, channel], &weight)?,
            bias: Parameter::plain(to.device, "readout.bias", &[classes], &bias)?,
        })
    }

    /// The labels of a batch, checked.
    fn labels<'a>(&self, labels: Option<&'a [u32]>, shape: RepresentationShape) -> Result<&'a [u32]> {
        let fail = |message| Err(Error::shape(format!("rule {}", self.rule), message));
        let Some(labels) = labels else {
            return fail("learns from labels, and an input of this batch has none".to_owned());
        };
        if labels.len() != shape.batch || shape.channel != self.channel || shape.is_empty() {
            let (batch, channel) = (shape.batch, shape.channel);
            return fail(format!(
                "expected representations of {} neurons with a label for each input, got {channel} neurons, \
                 {batch} inputs and {} labels",
                self.channel,
                labels.len()
            ));
        }
        match labels.iter().find(|&&label| label as usize >= self.classes) {
            Some(label) => fail(format!("label {label} is not one of the {} classes", self.classes)),
            None => Ok(labels),
        }
    }

    /// Loss and −∂L/∂logits `[batch, classes]` on the host: a batch has few.
    fn errors(&self, logits: &[f32], labels: &[u32]) -> (f32, Vec<f32>) {
        let share = 1.0 / labels.len() as f32;
        let mut loss = 0.0;
        let mut errors = Vec::with_capacity(logits.len());
        for (logits, &label) in logits.chunks_exact(self.classes).zip(labels) {
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
            loss += f64::from(most + sum.ln() - logits[label as usize]);
            errors.extend(logits.iter().enumerate().map(|(class, logit)| {
                let hit = f32::from(u8::from(class == label as usize));
                share * (hit - (logit - most).exp() / sum)
            }));
        }
        ((loss / labels.len() as f64) as f32, errors)
    }
}

/// The error of a read-out on a batch.
pub struct ReadoutError {
    /// The cross entropy, one value.
    pub loss: Buffer,
    /// −∂L/∂logits `[batch, classes]`.
    pub errors: Buffer,
    /// z̄ `[batch, C]`.
    mean: Buffer,
    batch: usize,
}

impl CrossEntropy {
    /// Reads a representation out and compares with the labels.
    ///
    /// # Errors
    /// Where labels are missing or do not fit.
    pub fn error(&self, seen: &Representation, labels: Option<&[u32]>) -> Result<ReadoutError> {
        let shape = seen.shape();
        let labels = self.labels(labels, shape)?;
        let device = seen.data().device();
        let places = shape.time * shape.location;
        let (batch, channel, classes) = (shape.batch, shape.channel, self.classes);
        // Rows of one place are contiguous, so the mean is a product with a row of equal weights.
        let equal = Buffer::from_vec(device, vec![1.0 / places as f32; places])?;
        let mut mean = Buffer::zeros(device, batch * channel)?;
        ops::product(Product::new(1, batch * channel, places), &equal, seen.data(), &mut mean)?;
        let mut logits = Buffer::zeros(device, batch * classes)?;
        let product = Product::new(batch, classes, channel).transpose_b();
        ops::product(product, &mean, self.weight.value(), &mut logits)?;
        let bias = self.bias.get()?;
        let mut logits = logits.to_vec()?;
        logits.chunks_exact_mut(classes).flat_map(|row| row.iter_mut().zip(&bias)).for_each(|(l, b)| *l += b);
        let (loss, errors) = self.errors(&logits, labels);
        let (loss, errors) = (Buffer::from_vec(device, vec![loss])?, Buffer::from_vec(device, errors)?);
        Ok(ReadoutError { loss, errors, mean, batch })
    }

    /// Updates of weights and biases from an error.
    ///
    /// # Errors
    /// Where the error is of another read-out.
    pub fn own(&self, error: &ReadoutError) -> Result<Vec<Buffer>> {
        let (classes, channel) = (self.classes, self.channel);
        let mut weight = Buffer::zeros(error.errors.device(), classes * channel)?;
        let product = Product::new(classes, channel, error.batch).transpose_a();
        ops::product(product, &error.errors, &error.mean, &mut weight)?;
        Ok(vec![weight, ops::column_sums(&error.errors, classes)?])
    }
}

impl PlasticityRule for CrossEntropy {
    fn update(&mut self, signals: &Signals, _draws: &mut dyn Draws) -> Result<RuleUpdate> {
        let shape = signals.target.shape();
        let error = self.error(signals.target, signals.labels)?;
        let device = signals.target.data().device();
        let (batch, channel, places) = (shape.batch, shape.channel, shape.time * shape.location);
        let mut each = Buffer::zeros(device, batch * channel)?;
        let product = Product::new(batch, channel, self.classes);
        ops::product(product, &error.errors, self.weight.value(), &mut each)?;
        let equal = Buffer::from_vec(device, vec![1.0 / places as f32; places])?;
        let mut target = Buffer::zeros(device, shape.len())?;
        ops::product(Product::new(places, batch * channel, 1), &equal, &each, &mut target)?;
        let own = self.own(&error)?;
        Ok(RuleUpdate { loss: error.loss, target, context: None, own, lateral: None })
    }

    fn loss(&self, signals: &Taped, _draws: &mut dyn Draws) -> Result<Option<TapedScalar>> {
        let shape = signals.shape();
        let labels = self.labels(signals.labels(), shape)?;
        let target = signals.target();
        let device = tensors(&target);
        let places = shape.time * shape.location;
        let wide: TapedMatrix =
            target.try_reshape_like(&(places, shape.batch * shape.channel)).map_err(refused)?;
        let equal =
            device.try_tensor_from_vec(vec![1.0 / places as f32; places], (1, places)).map_err(refused)?;
        let mean: TapedMatrix = equal.retaped().try_matmul(wide).map_err(refused)?;
        let mean: TapedMatrix = mean.try_reshape_like(&(shape.batch, shape.channel)).map_err(refused)?;
        let weight: TapedMatrix = signals.own(0).try_permute().map_err(refused)?;
        let logits: TapedMatrix = mean.try_matmul(weight).map_err(refused)?;
        let ones = device.try_tensor_from_vec(vec![1.0; shape.batch], (shape.batch, 1)).map_err(refused)?;
        let bias: TapedMatrix = ones.retaped().try_matmul(signals.own(1)).map_err(refused)?;
        let log = logits.try_add(bias).and_then(|l| l.try_log_softmax::<Axis<1>>()).map_err(refused)?;
        let mut hits = vec![0.0; shape.batch * self.classes];
        for (input, &label) in labels.iter().enumerate() {
            hits[input * self.classes + label as usize] = -1.0 / shape.batch as f32;
        }
        let hits = device.try_tensor_from_vec(hits, (shape.batch, self.classes)).map_err(refused)?;
        log.try_mul(hits).map_err(refused)?.try_sum().map(Some).map_err(refused)
    }

    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.weight, &self.bias]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.weight, &mut self.bias]
    }
}
