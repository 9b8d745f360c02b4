//! Measures how well retrodiction weights align with the transpose of prediction weights.

use crate::analysis::aligned;
use plasticity_core::observer::{Moment, Observer, ObserverSpec};
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};

/// Measures the alignment of W_retro with W_predᵀ in every module, as `module.M` with M from 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transposes {
    /// Steps between two measures, at least 1.
    #[serde(default = "every")]
    pub every: u64,
}

fn every() -> u64 {
    100
}

impl Transposes {
    fn measure(moment: &Moment) -> Result<()> {
        let mut network = moment.network();
        let own = network.parameters().into_iter().filter(|(name, _)| name.starts_with("module."));
        let tensors = own
            .map(|(name, parameter)| Ok((name, parameter.shape().to_vec(), parameter.get()?)))
            .collect::<Result<Vec<_>>>()?;
        let tensors: Vec<_> =
            tensors.iter().map(|(name, shape, values)| (name.as_str(), &shape[..], &values[..])).collect();
        for of in aligned(&tensors) {
            moment.measure(format!("module.{}", of.module - 1), of.cosine);
        }
        Ok(())
    }
}

impl Observer for Transposes {
    fn after(&mut self, moment: &Moment) -> Result<()> {
        if moment.step.is_multiple_of(self.every) { Self::measure(moment) } else { Ok(()) }
    }
}

plugin! {
    Observer "transposes": "Cosine of W_pred and the transpose of W_retro, if a rule learns both",
    equation: "cos(W_pred, W_retroᵀ), mean over prediction steps",
    citation: "Illing et al. 2021, Equations 16-19",
    keys: [every = "100", "1.. steps", "steps between two measurements"],
    example: "type = \"transposes\"\nevery = 50",
    impl ObserverSpec for Transposes {
        fn build(&self) -> Result<Box<dyn Observer>> {
            if self.every == 0 {
                return Err(Error::config("every", "0 is not in [1, ∞)"));
            }
            Ok(Box::new(self.clone()))
        }
    }
}
