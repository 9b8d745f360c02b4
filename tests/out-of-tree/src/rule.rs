//! A homeostatic Hebbian rule (after Turrigiano 2008): neurons whose mean activity is below `target` strengthen their active
//! synapses; neurons above it weaken them. The rule has no loss, so it states its update.

use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::plasticity::{PlasticityRule, RuleSpec, RuleUpdate, Signals, Site};
use plasticity_core::{Error, Result, plugin, random::Random};

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Homeostasis {
    pub target: f32,
}

impl PlasticityRule for Homeostasis {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let (device, shape) = (signals.target.data().device(), signals.target.shape());
        let z = signals.target.data().to_vec()?;
        let mean =
            |neuron: usize| z.iter().skip(neuron).step_by(shape.channel).sum::<f32>() / shape.rows() as f32;
        let lack: Vec<f32> = (0..shape.channel).map(|neuron| self.target - mean(neuron)).collect();
        let factor = (0..z.len()).map(|i| lack[i % shape.channel] / shape.rows() as f32).collect();
        let loss = Buffer::from_vec(device, vec![lack.iter().map(|lack| lack * lack).sum()])?;
        Ok(RuleUpdate::new(loss, Buffer::from_vec(device, factor)?))
    }
}

plugin! {
    Rule "homeostasis": "Hebbian learning towards a mean activity",
    equation: "Δw_ji = (target − ⟨z_j⟩) ρ'(a_j) x_i",
    citation: "after Turrigiano 2008",
    keys: [target = "", "> 0", "the mean activity that every neuron approaches";],
    example: "type = \"homeostasis\"\ntarget = 0.2\n",
    impl RuleSpec for Homeostasis {
        fn build(&self, _: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(self.clone()))
        }
    }
}
