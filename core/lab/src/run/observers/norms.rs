//! How large weights are.

use plasticity_core::observer::{Moment, Observer, ObserverSpec};
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};

/// Measures the Euclidean norm of every parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Norms {
    /// Steps from one measure to the next, at least 1.
    #[serde(default = "every")]
    pub every: u64,
}

fn every() -> u64 {
    100
}

impl Observer for Norms {
    fn after(&mut self, moment: &Moment) -> Result<()> {
        if !moment.step.is_multiple_of(self.every) {
            return Ok(());
        }
        for (name, parameter) in moment.network().parameters() {
            let squares: f64 = parameter.get()?.iter().map(|&value| f64::from(value).powi(2)).sum();
            moment.measure(name, squares.sqrt());
        }
        Ok(())
    }
}

plugin! {
    Observer "norms": "The Euclidean norm of every parameter",
    equation: "‖w‖ = √Σ w²",
    citation: "Oja 1982: learning keeps it bounded, or does not",
    keys: [every = "100", "1.. steps", "from one measure to the next"],
    example: "type = \"norms\"\nevery = 50",
    impl ObserverSpec for Norms {
        fn build(&self) -> Result<Box<dyn Observer>> {
            if self.every == 0 {
                return Err(Error::config("every", "0 is not in [1, ∞)"));
            }
            Ok(Box::new(self.clone()))
        }
    }
}
