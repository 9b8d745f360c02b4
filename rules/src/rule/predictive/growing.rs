//! The number of prediction steps of each module.

use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// One number of prediction steps for all modules, or one for each, such as more for higher layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PredictionSteps {
    /// The same in all modules.
    Same(usize),
    /// One for each module, first to last.
    Each(Vec<usize>),
}

impl PredictionSteps {
    /// The prediction steps of a module, counted from 0.
    pub fn of(&self, module: usize) -> usize {
        match self {
            Self::Same(steps) => *steps,
            Self::Each(steps) => steps.get(module).copied().unwrap_or(1),
        }
    }

    /// Checks that there is a number for each of `modules`.
    ///
    /// # Errors
    /// If the numbers differ; the error states both.
    pub fn check(&self, modules: usize) -> Result<()> {
        match self {
            Self::Each(steps) if steps.len() != modules => {
                let message = format!(
                    "{steps:?} has {} numbers, but the network has {modules} modules: give one number, or one \
                     for each module",
                    steps.len()
                );
                Err(Error::config("prediction_steps", message))
            }
            _ => Ok(()),
        }
    }
}
