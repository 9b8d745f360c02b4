//! A plasticity rule of one's own: neurons that change slowly and yet do not fall silent.
//!
//! L = mean (z(t+1) − z(t))² − strength · mean ln(Var z + ε): activity should predict itself one step on (first term),
//! and every neuron's variance over the batch should stay up (second term), after Halvagal & Zenke 2023. It shows the form
//! of a rule, and is no good one: nothing keeps neurons apart, so that they become alike.

use dfdx::prelude::*;
use plasticity_core::autodiff::Taped;
use plasticity_core::device::TapedScalar;
use plasticity_core::draws::Draws;
use plasticity_core::plasticity::{PlasticityRule, RuleContext, RuleSpec};
use plasticity_core::random::Random;
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};

/// What a config says of the rule, and the rule itself: it has no weights of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct {Type} {
    /// How strongly variance is kept up.
    pub strength: f32,
}

impl Default for {Type} {
    fn default() -> Self {
        Self { strength: 0.1 }
    }
}

impl PlasticityRule for {Type} {
    fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<TapedScalar>> {
        let (rows, step) = (signals.shape().rows(), signals.shape().rows_per_step());
        let (now, next) = (signals.target().slice((..rows - step, ..)), signals.target().slice((step.., ..)));
        let (now, next): (_, Tensor<(usize, usize), f32, _, _>) = (now.realize(), next.realize());
        let change = (next - now).square().mean();
        let z = signals.target();
        let shape = *z.shape();
        let mean = signals.target().mean::<(usize,), Axis<0>>();
        let mean = mean.broadcast_like::<(usize, usize), Axis<0>>(&shape);
        let variance = (z - mean).square().mean::<(usize,), Axis<0>>();
        Ok(Some(change - (variance + 1e-4).ln().mean() * self.strength))
    }
}

plugin! {
    Rule "{name}": "Slow features that keep their variance",
    equation: "L = ⟨(z(t+1) − z(t))²⟩ − strength · ⟨ln(Var z + ε)⟩",
    citation: "after Halvagal & Zenke 2023",
    keys: [strength = "0.1", "> 0", "how strongly variance is kept up";],
    example: "type = \"{name}\"\nstrength = 0.1\n",
    impl RuleSpec for {Type} {
        fn build(&self, context: &RuleContext, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            if !(self.strength > 0.0 && self.strength.is_finite()) {
                return Err(Error::config("rule.strength", format!("{} is not above 0", self.strength)));
            }
            if context.target.time < 2 {
                return Err(Error::shape("rule", "slowness needs at least two steps in time"));
            }
            Ok(Box::new(self.clone()))
        }
    }
}
