//! The loop of training: step after step, with observers looking on.

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

/// The size of a training, as observers are told it.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// Steps in all, those made before included.
    pub total: u64,
    /// Stimuli in a step.
    pub batch: usize,
}

/// Makes a step of every batch, with `observers` looking on in their order, until there are no more or `stop` says so: then
/// the step that is being made is finished first. An observer that [stops](Moment::stop) training ends it likewise, and
/// [`Trainer::halted`] says why. A batch that cannot be made is no error once `stop` has said so.
///
/// Where several ranks train, all end after the same step: as soon as one of them is to end.
///
/// # Errors
/// If a batch cannot be made or a step not be taken, where an observer refuses, or a rank has left or
/// come to other weights.
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
    let (mut epoch, mut waited) = (0, Duration::ZERO);
    tell(trainer, length, epoch, waited, &[], observers, |observer, moment| observer.begin(moment))?;
    let ranks = Arc::clone(trainer.sharing().ranks());
    loop {
        let since = Instant::now();
        let goes_on = !stop() && trainer.halted.is_none();
        let host = if goes_on { batches.next() } else { None };
        waited += since.elapsed();
        // A program that makes stimuli may have been stopped by the same signal.
        let host = host.filter(|host| host.is_ok() || !stop());
        if ranks.any(host.is_none())? {
            break;
        }
        let Some(host) = host.transpose()? else { break };
        epoch = host.epoch;
        let step = trainer.steps() + 1;
        observers.iter_mut().try_for_each(|observer| observer.before(step))?;
        let wanted = observers.iter().any(|observer| observer.wants_losses(step));
        let batch = host.to_device(trainer.network().device())?;
        let losses = trainer.step(batch, wanted)?;
        tell(trainer, length, epoch, waited, &losses, observers, |observer, moment| observer.after(moment))?;
    }
    trainer.agree()?;
    tell(trainer, length, epoch, waited, &[], observers, |observer, moment| observer.end(moment))
}

pub(super) fn tell(
    trainer: &mut Trainer,
    length: Length,
    epoch: u64,
    waited: Duration,
    losses: &[f32],
    observers: &mut [&mut dyn Observer<Trainer>],
    what: impl Fn(&mut dyn Observer<Trainer>, &Moment<Trainer>) -> Result<()>,
) -> Result<()> {
    let step = trainer.steps();
    let mut moment = Moment::new(step, length.total, trainer);
    moment.epoch = epoch;
    moment.batch = length.batch;
    moment.losses = losses;
    moment.waited = waited;
    observers.iter_mut().try_for_each(|observer| what(*observer, &moment))?;
    let stopped = moment.stopped();
    trainer.halted = trainer.halted.take().or(stopped);
    Ok(())
}
