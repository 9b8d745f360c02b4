//! Training: a network, its place in the stimuli, and one step after another.

mod init;
mod watched;

pub use init::start_from;
pub use watched::{Length, learn};

use crate::network::{Network, State};
use crate::schedule::Rates;
use plasticity_core::draws::{Draws, SeededDraws};
use plasticity_core::plasticity::Surprise;
use plasticity_core::stimulus::Batch;
use plasticity_core::{Error, Result};

/// A network in training.
pub struct Trainer {
    network: Network,
    seed: u64,
    step: u64,
    rates: Option<Rates>,
    halted: Option<String>,
    surprise: Vec<Option<f32>>,
}

impl Trainer {
    /// Training of `network` from its first step. All random choices follow from `seed` and the step.
    pub fn new(network: Network, seed: u64) -> Self {
        Self { network, seed, step: 0, rates: None, halted: None, surprise: Vec::new() }
    }

    /// The same with learning rates that follow a schedule.
    #[must_use]
    pub fn with_rates(self, rates: impl Into<Option<Rates>>) -> Self {
        Self { rates: rates.into(), ..self }
    }

    /// What the schedule multiplies the learning rate of a step by, after `made` steps.
    pub fn rate_factor(&self, made: u64) -> f64 {
        self.rates.as_ref().map_or(1.0, |rates| rates.factor(made))
    }

    /// Why training ended before its last step, where an observer ended it.
    pub fn halted(&self) -> Option<&str> {
        self.halted.as_deref()
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network, to be evaluated.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Steps made.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The share of pairs that surprised each module in the last step that was reported, from 0 to 1; `None` for a module
    /// whose rule has no gate.
    pub fn surprise(&self) -> &[Option<f32>] {
        &self.surprise
    }

    /// Goes on from a saved state after `step` steps.
    ///
    /// # Errors
    /// Where the state is of another network.
    pub fn restore(&mut self, state: &State, step: u64) -> Result<()> {
        self.network.restore(state)?;
        self.step = step;
        Ok(())
    }

    /// One step on a batch. With `report`, returns every module's loss (which on a GPU waits for the step).
    ///
    /// # Errors
    /// Where the batch does not fit, labels are missing for a supervised rule, or a loss is not finite.
    pub fn step(&mut self, batch: Batch, report: bool) -> Result<Vec<f32>> {
        let labels = batch.classes();
        let factor = self.rate_factor(self.step);
        let Self { network, seed, step, surprise, .. } = self;
        network.scale_rates(factor);
        let (seed, now) = (*seed, *step);
        let mut losses = Vec::new();
        surprise.clear();
        network.step(
            batch.input,
            labels.as_deref(),
            &mut |module| Box::new(SeededDraws { seed, step: now, module: module as u64 }) as Box<dyn Draws>,
            &mut |module| {
                if report {
                    let loss = module.loss.to_vec()?.first().copied().unwrap_or(f32::NAN);
                    if !loss.is_finite() {
                        let place = format!("step {}, module {}", now + 1, module.index + 1);
                        return Err(Error::diverged(place, format!("the loss is {loss}")));
                    }
                    losses.push(loss);
                    surprise.push(Surprise::share(module.surprise)?);
                }
                module.apply()
            },
        )?;
        self.step += 1;
        Ok(losses)
    }
}
