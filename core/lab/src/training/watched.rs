//! The training loop, which calls observers.

use super::Trainer;
use crate::loader::HostBatch;
use plasticity_core::Result;
use plasticity_core::observer::{Moment, Observed, Observer};
use plasticity_core::parameter::Parameter;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Observed for Trainer {
    fn parameters(&mut self) -> Vec<(String, &Parameter)> {
        let named = self.network_mut().parameters().into_iter();
        named.map(|(name, parameter)| (name, &*parameter)).collect()
    }

    fn modules(&self) -> usize {
        self.network().modules().len()
    }
}

/// The size of a training, for observers.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// The total number of steps, including earlier ones.
    pub total: u64,
    /// Stimuli in a step.
    pub batch: usize,
}

/// Makes a step with every batch and calls `observers` in their order, until there are no more batches or `stop`
/// returns true. The current step is always finished. An observer that [stops](Moment::stop) training ends it in the
/// same way, and [`Trainer::halted`] gives the reason. After `stop` has returned true, a batch that cannot be made is
/// not an error.
///
/// If several ranks train, all end after the same step, as soon as one of them must end.
///
/// # Errors
/// If a batch or a step cannot be made, an observer returns an error, or a rank has left or has different weights.
pub fn learn(
    trainer: &mut Trainer,
    batches: &mut dyn Iterator<Item = Result<HostBatch>>,
    length: Length,
    stop: &dyn Fn() -> bool,
    observers: &mut [&mut dyn Observer<Trainer>],
) -> Result<()> {
    if let Some(pipeline) = trainer.pipeline.clone() {
        return super::pipeline::learn(trainer, &pipeline, batches, length, stop, observers);
    }
    let mut told = Told::default();
    tell(trainer, length, told, observers, |observer, moment| observer.begin(moment))?;
    let ranks = Arc::clone(trainer.sharing().ranks());
    loop {
        let since = Instant::now();
        let goes_on = !stop() && trainer.halted.is_none();
        let host = if goes_on { batches.next() } else { None };
        told.waited += since.elapsed();
        // The same signal may have stopped a program that makes stimuli.
        let host = host.filter(|host| host.is_ok() || !stop());
        if ranks.any(host.is_none())? {
            break;
        }
        let Some(host) = host.transpose()? else { break };
        told.epoch = host.epoch;
        let step = trainer.steps() + 1;
        observers.iter_mut().try_for_each(|observer| observer.before(step))?;
        // Modules whose turn it is not run only for their losses: on all ranks or on none.
        let wanted = ranks.any(observers.iter().any(|observer| observer.wants_losses(step)))?;
        let batch = host.to_device(trainer.network().device())?;
        let losses = trainer.step(batch, wanted)?;
        let told = Told { losses: &losses, ..told };
        tell(trainer, length, told, observers, |observer, moment| observer.after(moment))?;
    }
    if ranks.any(trainer.halted.is_some())? && trainer.halted.is_none() {
        trainer.halted = Some("another rank ended it".to_owned());
    }
    trainer.agree()?;
    tell(trainer, length, told, observers, |observer, moment| observer.end(moment))
}

/// What observers are told of a step, apart from the network.
#[derive(Clone, Copy, Default)]
pub(super) struct Told<'a> {
    pub(super) epoch: u64,
    pub(super) waited: Duration,
    pub(super) losses: &'a [f32],
    /// Whether the network has already made further steps.
    pub(super) past: bool,
}

pub(super) fn tell(
    trainer: &mut Trainer,
    length: Length,
    told: Told<'_>,
    observers: &mut [&mut dyn Observer<Trainer>],
    what: impl Fn(&mut dyn Observer<Trainer>, &Moment<Trainer>) -> Result<()>,
) -> Result<()> {
    let step = trainer.steps();
    let mut moment = Moment::new(step, length.total, trainer);
    moment.epoch = told.epoch;
    moment.batch = length.batch;
    moment.losses = told.losses;
    moment.waited = told.waited;
    moment.current = !told.past;
    observers.iter_mut().try_for_each(|observer| what(*observer, &moment))?;
    let stopped = moment.stopped();
    trainer.halted = trainer.halted.take().or(stopped);
    Ok(())
}
