//! `random`: no learning, the untrained baseline.

use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::plasticity::{PlasticityRule, RuleSpec, RuleUpdate, Signals, Site};
use plasticity_core::plugin;
use plasticity_core::random::Random;

/// Weights keep their initial values.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoLearning {}

plugin! {
    Rule "random": "Changes no weights: the untrained network, the baseline of every probe",
    equation: "ΔW = 0",
    citation: "Illing et al. 2021, Table 1",
    keys: [],
    example: "type = \"random\"",
    impl RuleSpec for NoLearning {
        fn build(&self, _: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(self.clone()))
        }
    }
}

impl PlasticityRule for NoLearning {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let device = signals.target.data().device();
        let target = Buffer::zeros(device, signals.target.shape().len())?;
        Ok(RuleUpdate::new(Buffer::zeros(device, 1)?, target))
    }

    fn learns(&self) -> bool {
        false
    }
}
