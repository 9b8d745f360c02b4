//! `dfa`: direct feedback alignment.

use super::cross_entropy::{ClassifierError, CrossEntropy};
use crate::rule::output::{self, output};
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::ops::{self, Product};
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{
    ContextSource, Demands, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site,
};
use plasticity_core::plugin;
use plasticity_core::random::{Random, uniform};
use plasticity_core::representation::{Pooling, RepresentationShape};
use plasticity_core::{Error, Result};

/// Which fixed random weights positions have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feedback {
    /// Every neuron at every position has its own weights, uniform within ±1/√(C · positions).
    #[default]
    Position,
    /// All positions of a neuron share its weights, and the feedback is divided evenly among them; uniform within
    /// ±1/√classes.
    Shared,
}

/// Each module receives the error of a classifier at the top through fixed random weights: Δz = Bᵀ e.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dfa {
    /// Which fixed random weights positions have.
    pub feedback: Feedback,
}

plugin! {
    Rule "dfa": "Direct feedback alignment: the error at the top reaches each layer through fixed random weights",
    equation: "ΔW = (Bᵀ e) · ρ'(a) · x, e = 1[label] − softmax(V z̄_top + b)",
    citation: "Nøkland 2016, NeurIPS; after Lillicrap et al. 2016",
    keys: [
        feedback = "\"position\"", "position | shared", "the fixed random weights B. position: every \
                                                         position of a map has its own, as published. \
                                                         shared: all positions of a neuron share them. (V \
                                                         and b are the weights of the classifier at the top, \
                                                         which learns. Each module has a copy. With \
                                                         `module_rates`, `turns` or a list of optimisers \
                                                         the copies learn differently)";
    ],
    example: "type = \"dfa\"",
    impl RuleSpec for Dfa {
        fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(DirectFeedback::new(self.feedback, site, random)?))
        }

        fn demands(&self) -> Demands {
            let demands = Demands::default().with_context(ContextSource::Top).with_labels();
            match self.feedback {
                Feedback::Position => demands.with_pooling(Pooling::Keep),
                Feedback::Shared => demands,
            }
        }
    }
}

/// Direct feedback alignment in one module.
///
/// Every module keeps a copy of the classifier. All copies start at zero and see the same representation and
/// labels. So they stay equal if all modules learn in the same steps with the same optimiser, and no module needs the
/// copy of another. With `training.module_rates`, `training.turns` or a list of optimisers the copies differ, and each
/// module learns from the error of its own.
///
/// # Shapes
/// `feedback` B, fixed: `[classes, C]` if it is shared, else `[places, classes, C]`, where a place is a step in
/// time and a position; `readout.weight` `[classes, C_top]`, `readout.bias` `[classes]`.
pub struct DirectFeedback {
    classifier: CrossEntropy,
    feedback: Parameter,
    of: Feedback,
}

impl DirectFeedback {
    /// The rule for a module, with random feedback.
    ///
    /// # Errors
    /// If the stimuli have no classes.
    pub fn new(of: Feedback, to: &Site, random: &mut Random) -> Result<Self> {
        let mut classifier = CrossEntropy::new("dfa", to.top.channel, to, random)?;
        let mut classes = 0;
        for parameter in classifier.parameters() {
            parameter.set(&vec![0.0; parameter.len()])?;
            classes = parameter.shape().first().copied().unwrap_or(0);
        }
        let (channel, places) = (to.context.channel, to.context.time * to.context.location);
        let (shape, fan) = match of {
            Feedback::Shared => (vec![classes, channel], classes),
            Feedback::Position => (vec![places, classes, channel], places * channel),
        };
        let order: Vec<usize> = (0..shape.len()).collect();
        let draw = |count| Ok(uniform(random, count, fan));
        let feedback = Parameter::drawn(to.device, "feedback", &shape, &order, draw)?.fixed();
        Ok(Self { classifier, feedback, of })
    }

    /// Post factors of a representation of `shape` from the error of each stimulus.
    fn through(&self, error: &ClassifierError, shape: RepresentationShape) -> Result<Buffer> {
        let (places, channel) = (shape.time * shape.location, shape.channel);
        let classes = self.feedback.shape()[self.feedback.shape().len() - 2];
        let expected = if self.of == Feedback::Shared { 1 } else { places };
        if shape.is_empty() || expected * classes * channel != self.feedback.value().len() {
            let message = format!("expected feedback of {:?}, got {shape:?}", self.feedback.shape());
            return Err(Error::shape("rule dfa", message));
        }
        if self.of == Feedback::Shared {
            return error.through(self.feedback.value(), shape);
        }
        if error.errors.len() != shape.batch * classes {
            let message = "sends the error of whole stimuli to every position, but these stimuli have a label \
                           for each frame: use feedback = \"shared\"";
            return Err(Error::shape("rule dfa", message));
        }
        let mut factor = Buffer::zeros(self.feedback.value().device(), shape.len())?;
        for place in 0..places {
            let product = Product::new(shape.batch, channel, classes);
            let product = product.at(0, place * classes * channel, place * shape.batch * channel);
            ops::product(product, &error.errors, self.feedback.value(), &mut factor)?;
        }
        Ok(factor)
    }
}

impl PlasticityRule for DirectFeedback {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let shape = output(signals).shape();
        let top = signals.top.filter(|top| top.shape().batch == shape.batch).ok_or_else(|| {
            let message = format!("needs a top representation of {} stimuli", shape.batch);
            Error::shape("rule dfa", message)
        })?;
        let error = self.classifier.error(top, signals.labels)?;
        let factor = self.through(&error, shape)?;
        let own = self.classifier.own(&error)?;
        output::update(signals, error.loss, factor, own)
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        let mut parameters = self.classifier.parameters();
        parameters.push(&mut self.feedback);
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SHAPE, alone, context, draws, relative, representation, values};
    use plasticity_core::random::stream;

    #[test]
    fn dfa_reads_out_as_cross_entropy_and_sends_its_error_through_fixed_weights() {
        let top_shape = RepresentationShape { time: 1, location: 2, batch: 4, channel: 3 };
        let to = context(SHAPE, top_shape);
        let (target, top) = (representation(SHAPE, 1), representation(top_shape, 2));
        let labels = [0, 3, 1, 1];
        let signals = Signals::new(&target).with_top(&top).with_labels(labels.as_slice());
        let mut rule = Dfa { feedback: Feedback::Shared }.build(&to, &mut stream(1, &[])).unwrap();
        let mut twin = Dfa { feedback: Feedback::Shared }.build(&to, &mut stream(2, &[])).unwrap();
        assert_eq!(rule.parameters()[0].get().unwrap(), twin.parameters()[0].get().unwrap());
        assert_ne!(rule.parameters()[2].get().unwrap(), twin.parameters()[2].get().unwrap());
        let mut classifier =
            CrossEntropy::new("t", 3, &context(top_shape, top_shape), &mut stream(1, &[])).unwrap();
        for (index, shape) in [(0, 12), (1, 4)] {
            let weights = values(shape, 9 + index as u64);
            rule.parameters()[index].set(&weights).unwrap();
            classifier.parameters()[index].set(&weights).unwrap();
        }
        let expected =
            classifier.update(&Signals::new(&top).with_labels(labels.as_slice()), &mut draws()).unwrap();
        let made = rule.update(&signals, &mut draws()).unwrap();
        let host = |buffer: &Buffer| buffer.to_vec().unwrap();
        assert!(relative(&host(&made.loss), &host(&expected.loss)) < 1e-6);
        for (own, expected) in made.own.iter().zip(&expected.own) {
            assert!(relative(&host(own), &host(expected)) < 1e-6);
        }
        // The post factor of each input is Bᵀ e, divided among its places.
        let errors = host(&classifier.error(&top, Some(&labels)).unwrap().errors);
        let feedback = rule.parameters()[2].get().unwrap();
        let mut delta = Vec::new();
        for row in 0..SHAPE.rows() {
            for neuron in 0..5 {
                let sum = (0..4).map(|class| errors[row % 4 * 4 + class] * feedback[class * 5 + neuron]);
                delta.push(sum.sum::<f32>() / 6.0);
            }
        }
        assert!(relative(&host(&made.target), &delta) < 1e-5);
        assert!(rule.update(&alone(&target), &mut draws()).is_err());
    }

    /// The error of a stimulus reaches each of its places through the weights of this place.
    #[test]
    fn every_position_has_feedback_of_its_own() {
        let top_shape = RepresentationShape { time: 1, location: 1, batch: 4, channel: 3 };
        let (target, top) = (representation(SHAPE, 1), representation(top_shape, 2));
        let labels = [0, 3, 1, 1];
        let signals = Signals::new(&target).with_top(&top).with_labels(labels.as_slice());
        let mut rule = Dfa::default().build(&context(SHAPE, top_shape), &mut stream(1, &[])).unwrap();
        let feedback = rule.parameters()[2].get().unwrap();
        let bound = 1.0 / 30.0_f32.sqrt();
        assert_eq!(feedback.len(), 6 * 4 * 5);
        assert!(feedback.iter().all(|b| b.abs() <= bound) && feedback.iter().any(|b| b.abs() > 0.9 * bound));
        let made = rule.update(&signals, &mut draws()).unwrap().target.to_vec().unwrap();
        // A classifier of zeros gives every class the same probability.
        let error = |stimulus: usize, class: usize| {
            (if labels[stimulus] as usize == class { 0.75 } else { -0.25 }) / 4.0
        };
        let mut expected = Vec::new();
        for row in 0..SHAPE.rows() {
            let (place, stimulus) = (row / 4, row % 4);
            for neuron in 0..5 {
                let through =
                    |class: usize| error(stimulus, class) * feedback[(place * 4 + class) * 5 + neuron];
                expected.push((0..4).map(through).sum::<f32>());
            }
        }
        assert!(relative(&made, &expected) < 1e-5);
        let frames = [0; 8];
        let by_frame = Signals::new(&target).with_top(&target).with_labels(frames.as_slice());
        let mut rule = Dfa::default().build(&context(SHAPE, SHAPE), &mut stream(1, &[])).unwrap();
        let error = rule.update(&by_frame, &mut draws()).err().unwrap().to_string();
        assert!(error.contains("a label for each frame"), "{error}");
    }
}
