//! Training: a network, its place in the stimuli, and one step after another.

mod course;
mod init;
mod watched;

pub use course::Course;
pub use init::start_from;
pub use watched::{Length, learn};

use crate::network::{Module, Network, Part, State};
use plasticity_core::draws::{Draws, SeededDraws};
use plasticity_core::plasticity::Surprise;
use plasticity_core::stimulus::Batch;
use plasticity_core::{Error, Result};

/// A network in training.
pub struct Trainer {
    network: Network,
    seed: u64,
    step: u64,
    course: Course,
    halted: Option<String>,
    surprise: Vec<Option<f32>>,
}

impl Trainer {
    /// Training of `network` from its first step. All random choices follow from `seed` and the step.
    pub fn new(network: Network, seed: u64) -> Self {
        let course = Course::default();
        Self { network, seed, step: 0, course, halted: None, surprise: Vec::new() }
    }

    /// The same with modules that learn when, and at what rates, a course says.
    #[must_use]
    pub fn with_course(self, course: Course) -> Self {
        Self { course, ..self }
    }

    /// The learning rate of each module in the step after `made` steps; `None` for one that does not learn in it.
    pub fn rates(&self, made: u64) -> Vec<Option<f64>> {
        let modules = self.network.modules().iter().enumerate();
        let rate = |(index, module): (usize, &Module)| {
            self.course.factor(index, made).map(|factor| f64::from(module.rate()) * factor)
        };
        modules.map(rate).collect()
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
        let Self { network, seed, step, course, surprise, .. } = self;
        let (seed, now) = (*seed, *step);
        network.set_course(|module| course.factor(module, now), if report { Part::Look } else { Part::Rest });
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
