//! `sanger`: Oja's rule with an order among neurons.

use super::synapses::{correlations, hebbian};
use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::plasticity::{
    Demands, Lateral, Level, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site,
};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;

/// ΔW_ji = mean of y_j (x_i − Σ_{k ≤ j} y_k W_ki), with the summed input y = W x. The weights of
/// neuron j converge to the jth eigenvector of E\[x xᵀ\], with length 1. This is the jth principal
/// component if x has mean 0. Neurons have an order, so the rule is not local in space: neuron j
/// must know the weights of the neurons before it. The rule has no bias: the layer's bias is left
/// out of y, and only the optimiser's weight decay can change it.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sanger {}

plugin! {
    Rule "sanger": "Sanger's rule (generalised Hebbian algorithm): neuron j finds the jth eigenvector of E[x xᵀ]",
    equation: "ΔW = y xᵀ − LT(y yᵀ) W, LT: the lower triangle with the diagonal, y = W x",
    citation: "Sanger 1989, Neural Networks 2, 459-473",
    keys: [],
    example: "type = \"sanger\"",
    impl RuleSpec for Sanger {
        fn build(&self, _: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(self.clone()))
        }

        fn demands(&self) -> Demands {
            Demands::default().with_level(Level::Activation).with_pooling(Pooling::Keep)
        }
    }
}

impl PlasticityRule for Sanger {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let (y, channel) = (signals.target, signals.target.shape().channel);
        let mut matrix = correlations(y.data(), y.data(), channel)?.to_vec()?;
        let captured = (0..channel).map(|neuron| matrix[neuron * channel + neuron]).sum();
        for (place, value) in matrix.iter_mut().enumerate() {
            *value = if place / channel >= place % channel { -*value } else { 0.0 };
        }
        let lateral = Buffer::from_vec(y.data().device(), matrix)?;
        hebbian(y, captured, Lateral::Full(lateral))
    }
}
