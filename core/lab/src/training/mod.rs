//! Training: a network, its position in the stimuli, and its steps.

mod among;
mod course;
mod init;
mod pipeline;
mod queue;
mod watched;

pub use course::Course;
pub use init::start_from;
pub use pipeline::Pace;
pub use watched::{Length, learn};
use watched::{Told, tell};

use crate::network::{Module, Network, Role, State};
use crate::ranks::Sharing;
use pipeline::Pipeline;
use plasticity_core::Result;
use plasticity_core::draws::SeededDraws;
use plasticity_core::stimulus::Batch;
use std::sync::Arc;

/// A network in training.
pub struct Trainer {
    network: Network,
    seed: u64,
    step: u64,
    course: Course,
    halted: Option<String>,
    surprise: Vec<Option<f32>>,
    sharing: Sharing,
    pipeline: Option<Arc<Pipeline>>,
}

impl Trainer {
    /// Training of `network` from its first step. All random choices follow from `seed` and the step.
    pub fn new(network: Network, seed: u64) -> Self {
        let (course, surprise, sharing) = (Course::default(), Vec::new(), Sharing::alone());
        Self { network, seed, step: 0, course, halted: None, surprise, sharing, pipeline: None }
    }

    /// The same as one of several ranks.
    #[must_use]
    pub fn among(self, sharing: Sharing) -> Self {
        Self { sharing, ..self }
    }

    /// Its part in the ranks that train together.
    pub fn sharing(&self) -> &Sharing {
        &self.sharing
    }

    /// The same with a course, which says when and at what rates modules learn.
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

    /// The reason why training ended before its last step, if an observer ended it.
    pub fn halted(&self) -> Option<&str> {
        self.halted.as_deref()
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network, mutable, for evaluation.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Steps made.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The surprise of each module in the last reported step (the share of pairs with H = 1, from 0 to 1); `None`
    /// for a module whose rule has no gate.
    pub fn surprise(&self) -> &[Option<f32>] {
        &self.surprise
    }

    /// Restores a state that was saved after `step` steps.
    ///
    /// # Errors
    /// If the state belongs to another network.
    pub fn restore(&mut self, state: &State, step: u64) -> Result<()> {
        self.network.restore(state)?;
        self.step = step;
        Ok(())
    }

    /// Takes the state and the step of rank 0, so that all ranks start from the same state.
    ///
    /// # Errors
    /// If a rank has left, or has another network.
    pub fn start_as_first(&mut self) -> Result<()> {
        let shard = self.sharing.shard();
        if self.sharing.is_alone() {
            return Ok(());
        }
        let own = match shard.rank {
            0 => among::packed(&self.network.state()?, self.step)?,
            _ => Vec::new(),
        };
        let first = self.sharing.ranks().broadcast(own)?;
        if shard.rank > 0 {
            let (state, step) = among::unpacked(&first)?;
            self.restore(&state, step)?;
        }
        Ok(())
    }

    /// Checks that the weights of all ranks have the same bits. This is so if all ranks sum the same numbers.
    ///
    /// # Errors
    /// If the weights of a rank differ from those of rank 0; the error names the first such rank.
    fn agree(&mut self) -> Result<()> {
        if self.sharing.is_alone() {
            return Ok(());
        }
        let own = among::packed(&self.network.state()?, self.step)?;
        among::same(self.sharing.ranks().as_ref(), &own)
    }

    /// One step on a batch, or on this rank's shard of one. With `report`, returns every module's loss (which on a GPU waits for
    /// the step).
    ///
    /// # Errors
    /// If the batch does not fit, labels are missing for a supervised rule, or a loss is not finite.
    pub fn step(&mut self, batch: Batch, report: bool) -> Result<Vec<f32>> {
        let labels = batch.classes();
        let Self { network, seed, step, course, surprise, sharing, .. } = self;
        let (seed, now) = (sharing.seed(*seed), *step);
        network.set_course(|module| course.factor(module, now), Role::unless_learning(report));
        let mut losses = Vec::new();
        surprise.clear();
        network.step_among(
            sharing,
            batch.input,
            labels.as_deref(),
            &mut SeededDraws::of_modules(seed, now),
            &mut |rule, signals, draws| rule.update(signals, draws),
            &mut |module| {
                if report {
                    let (loss, share) = module.reported(now)?;
                    losses.push(loss);
                    surprise.push(share);
                }
                module.apply()
            },
        )?;
        self.step += 1;
        Ok(losses)
    }
}
