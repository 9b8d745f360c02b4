//! The angles during training.

use super::{LayerAlignment, at};
use crate::experiment::Experiment;
use crate::training::Trainer;
use plasticity_core::observer::{Moment, Observer};
use plasticity_core::{Error, Result};

/// Measures the angles after each of some steps, on the batch of the next step.
pub struct Along<'a> {
    experiment: &'a Experiment,
    steps: &'a [u64],
    /// The angles, each with the number of steps before it.
    pub found: Vec<(u64, Vec<LayerAlignment>)>,
}

impl<'a> Along<'a> {
    /// For these steps of the experiment's training.
    pub fn new(experiment: &'a Experiment, steps: &'a [u64]) -> Self {
        Self { experiment, steps, found: Vec::new() }
    }
}

impl Observer<Trainer> for Along<'_> {
    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        let step = moment.step;
        if !self.steps.contains(&step) {
            return Ok(());
        }
        let mut trainer = moment.network();
        let network = trainer.network_mut();
        let state = network.state()?;
        if let Some(name) = state.not_finite() {
            return Err(Error::diverged(format!("step {step}"), format!("`{name}` is not finite")));
        }
        self.found.push((step, at(self.experiment, Some(&state), step, network.device())?));
        Ok(())
    }
}
