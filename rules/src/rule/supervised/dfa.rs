//! `dfa`: direct feedback alignment.

use super::CrossEntropy;
use crate::rule::output::{self, output};
use plasticity_core::draws::Draws;
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{
    ContextSource, Demands, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site,
};
use plasticity_core::plugin;
use plasticity_core::random::{Random, uniform};
use plasticity_core::{Error, Result};

/// Each module receives the error of a read-out at the top through fixed random weights: Δz = Bᵀ e.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dfa {}

plugin! {
    Rule "dfa": "Direct feedback alignment: the error at the top reaches each layer through fixed random weights",
    equation: "ΔW = (Bᵀ e) · ρ'(a) · x, e = 1[label] − softmax(V z̄_top + b)",
    citation: "Nøkland 2016, NeurIPS; after Lillicrap et al. 2016",
    keys: [],
    example: "type = \"dfa\"",
    impl RuleSpec for Dfa {
        fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(DirectFeedback::new(site, random)?))
        }

        fn demands(&self) -> Demands {
            Demands::default().with_context(ContextSource::Top).with_labels()
        }
    }
}

/// Direct feedback alignment in one module.
///
/// Every module keeps a copy of the read-out. All copies start at zero and see the same representation and labels, so
/// they stay the same, and no module needs to see another's.
///
/// # Shapes
/// `feedback` B `[classes, C]`, fixed; `readout.weight` `[classes, C_top]`, `readout.bias` `[classes]`.
pub struct DirectFeedback {
    readout: CrossEntropy,
    feedback: Parameter,
}

impl DirectFeedback {
    /// The rule for a module, with random feedback, uniform within ±1/√classes.
    ///
    /// # Errors
    /// Where the stimuli have no classes.
    pub fn new(to: &Site, random: &mut Random) -> Result<Self> {
        let mut readout = CrossEntropy::new("dfa", to.top.channel, to, random)?;
        let mut classes = 0;
        for parameter in readout.parameters() {
            parameter.set(&vec![0.0; parameter.len()])?;
            classes = parameter.shape().first().copied().unwrap_or(0);
        }
        let channel = to.context.channel;
        let draw = |count| Ok(uniform(random, count, classes));
        let feedback = Parameter::drawn(to.device, "feedback", &[classes, channel], &[0, 1], draw)?.fixed();
        Ok(Self { readout, feedback })
    }
}

impl PlasticityRule for DirectFeedback {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let shape = output(signals).shape();
        let top = signals.top.filter(|top| top.shape().batch == shape.batch).ok_or_else(|| {
            let message = format!("needs a top representation of {} stimuli", shape.batch);
            Error::shape("rule dfa", message)
        })?;
        let (classes, channel) = (self.feedback.shape()[0], shape.channel);
        if shape.is_empty() || channel * classes != self.feedback.value().len() {
            let message = format!("expected {:?} (classes, neurons), got {shape:?}", self.feedback.shape());
            return Err(Error::shape("rule dfa", message));
        }
        let error = self.readout.error(top, signals.labels)?;
        let factor = error.through(self.feedback.value(), shape)?;
        let own = self.readout.own(&error)?;
        output::update(signals, error.loss, factor, own)
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        let mut parameters = self.readout.parameters();
        parameters.push(&mut self.feedback);
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SHAPE, alone, context, draws, relative, representation, values};
    use plasticity_core::device::Buffer;
    use plasticity_core::random::stream;
    use plasticity_core::representation::RepresentationShape;

    #[test]
    fn dfa_reads_out_as_cross_entropy_and_sends_its_error_through_fixed_weights() {
        let top_shape = RepresentationShape { time: 1, location: 2, batch: 4, channel: 3 };
        let to = context(SHAPE, top_shape);
        let (target, top) = (representation(SHAPE, 1), representation(top_shape, 2));
        let labels = [0, 3, 1, 1];
        let signals = Signals::new(&target).with_top(&top).with_labels(labels.as_slice());
        let mut rule = Dfa {}.build(&to, &mut stream(1, &[])).unwrap();
        let mut twin = Dfa {}.build(&to, &mut stream(2, &[])).unwrap();
        assert_eq!(rule.parameters()[0].get().unwrap(), twin.parameters()[0].get().unwrap());
        assert_ne!(rule.parameters()[2].get().unwrap(), twin.parameters()[2].get().unwrap());
        let mut readout =
            CrossEntropy::new("t", 3, &context(top_shape, top_shape), &mut stream(1, &[])).unwrap();
        for (index, shape) in [(0, 12), (1, 4)] {
            let weights = values(shape, 9 + index as u64);
            rule.parameters()[index].set(&weights).unwrap();
            readout.parameters()[index].set(&weights).unwrap();
        }
        let expected =
            readout.update(&Signals::new(&top).with_labels(labels.as_slice()), &mut draws()).unwrap();
        let made = rule.update(&signals, &mut draws()).unwrap();
        let host = |buffer: &Buffer| buffer.to_vec().unwrap();
        assert!(relative(&host(&made.loss), &host(&expected.loss)) < 1e-6);
        for (own, expected) in made.own.iter().zip(&expected.own) {
            assert!(relative(&host(own), &host(expected)) < 1e-6);
        }
        // Each input's post factor is Bᵀ e, shared among its places.
        let errors = host(&readout.error(&top, Some(&labels)).unwrap().errors);
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
}
