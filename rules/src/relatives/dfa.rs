//! `dfa`: direct feedback alignment.

use crate::output::{self, output};
use crate::plasticity::CrossEntropy;
use plasticity_core::draws::Draws;
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{
    ContextSource, PlasticityRule, RuleContext, RuleSpec, RuleUpdate, Signals,
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
        fn build(&self, context: &RuleContext, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(DirectFeedback::new(context, random)?))
        }

        fn context(&self) -> ContextSource {
            ContextSource::Top
        }

        fn supervised(&self) -> bool {
            true
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
    pub fn new(to: &RuleContext, random: &mut Random) -> Result<Self> {
        let mut readout = CrossEntropy::new("dfa", to.top.channel, to, random)?;
        let mut classes = 0;
        for parameter in plasticity_core::plasticity::PlasticityRule::parameters_mut(&mut readout) {
            parameter.set(&vec![0.0; parameter.value().len()])?;
            classes = parameter.shape().first().copied().unwrap_or(0);
        }
        let channel = to.context.channel;
        let values = uniform(random, classes * channel, classes);
        let feedback = Parameter::plain(to.device, "feedback", &[classes, channel], &values)?.fixed();
        Ok(Self { readout, feedback })
    }
}

impl PlasticityRule for DirectFeedback {
    fn update(&mut self, signals: &Signals, _draws: &mut dyn Draws) -> Result<RuleUpdate> {
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

    fn parameters(&self) -> Vec<&Parameter> {
        let mut parameters = self.readout.parameters();
        parameters.push(&self.feedback);
        parameters
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        let mut parameters = self.readout.parameters_mut();
        parameters.push(&mut self.feedback);
        parameters
    }
}
