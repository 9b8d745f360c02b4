//! Measures the share of weights near zero in each parameter, which grows if a rule prunes synapses.

use plasticity_core::observer::{Moment, Observer, ObserverSpec};
use plasticity_core::{Error, Result, plugin};

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sparseness {
    pub below: f32,
}

impl Observer for Sparseness {
    fn after(&mut self, moment: &Moment) -> Result<()> {
        for (name, parameter) in moment.network().parameters() {
            let weights = parameter.get()?;
            let small = weights.iter().filter(|weight| weight.abs() < self.below).count();
            moment.measure(name, small as f64 / weights.len() as f64);
        }
        Ok(())
    }
}

plugin! {
    Observer "sparseness": "The share of weights near zero",
    equation: "mean [|w| < below]",
    citation: "Olshausen & Field 1996",
    keys: [below = "", "> 0", "a smaller absolute weight counts as near zero";],
    example: "type = \"sparseness\"\nbelow = 0.01\n",
    impl ObserverSpec for Sparseness {
        fn build(&self) -> Result<Box<dyn Observer>> {
            if self.below.is_nan() || self.below <= 0.0 {
                return Err(Error::config("below", format!("{} is not in (0, ∞)", self.below)));
            }
            Ok(Box::new(self.clone()))
        }
    }
}
