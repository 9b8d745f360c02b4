//! `oja`: Hebbian learning with a decay that keeps weights at unit length.

use super::synapses::{hebbian, own_correlations};
use plasticity_core::Result;
use plasticity_core::draws::Draws;
use plasticity_core::ops;
use plasticity_core::plasticity::{
    Demands, Lateral, Level, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site,
};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;

/// ΔW_ji = mean of y_j (x_i − y_j W_ji), with the summed input y = W x. The weights of each neuron
/// converge to the leading eigenvector of E\[x xᵀ\], with length 1. This is the first principal
/// component if x has mean 0. The rule has no bias: the layer's bias is left out of y, and only the
/// optimiser's weight decay can change it.
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
        fn build(&self, _: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(self.clone()))
        }

        fn demands(&self) -> Demands {
            Demands::default().with_level(Level::Activation).with_pooling(Pooling::Keep)
        }
    }
}

impl PlasticityRule for Oja {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let y = signals.target;
        let mut decay = own_correlations(y.data(), y.data(), y.shape().channel)?;
        let captured = decay.to_vec()?.iter().sum();
        ops::scale(&mut decay, -1.0)?;
        hebbian(y, captured, Lateral::Diagonal(decay))
    }
}
