//! `oja`: Hebbian learning whose decay keeps weights of unit length.

use super::synapses::hebbian_with_decay;
use plasticity_core::Result;
use plasticity_core::draws::Draws;
use plasticity_core::plasticity::{Level, PlasticityRule, RuleContext, RuleSpec, RuleUpdate, Signals};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;

/// ΔW_ji = mean of y_j (x_i − y_j W_ji) with y = W x, the summed input: the weights of each neuron by itself converge to
/// the leading eigenvector of E\[x xᵀ\], of length 1: the first principal component, where x has mean 0. The layer's
/// bias, which the rule does not have, is left out of y and stays as it was drawn.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oja {}

plugin! {
    Rule "oja": "Oja's rule: Hebbian learning with a decay that bounds the weights; finds the leading eigenvector of E[x xᵀ]",
    equation: "ΔW_ji = y_j (x_i − y_j W_ji), y = W x",
    citation: "Oja 1982, J. Math. Biol. 15, 267-273",
    keys: [],
    example: "type = \"oja\"",
    impl RuleSpec for Oja {
        fn build(&self, _context: &RuleContext, _random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(self.clone()))
        }

        fn pooling(&self, _module: usize) -> Pooling {
            Pooling::Keep
        }

        fn level(&self) -> Level {
            Level::Activation
        }
    }
}

impl PlasticityRule for Oja {
    fn update(&mut self, signals: &Signals, _draws: &mut dyn Draws) -> Result<RuleUpdate> {
        hebbian_with_decay(signals.target, |neuron, other| neuron == other)
    }
}
