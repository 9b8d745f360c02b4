//! The training loop of a run.

use super::{Record, Run};
use crate::checkpoint::Checkpoint;
use crate::experiment::Experiment;
use crate::network::Network;
use crate::training::Trainer;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use std::time::Duration;

/// How far training is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Steps made.
    pub step: u64,
    /// Steps in all.
    pub total: u64,
    /// Stimuli in a step.
    pub batch: usize,
    /// Every module's loss, where this step's were recorded; else empty.
    pub loss: &'a [f32],
    /// How long training has waited for stimuli so far.
    pub waited: Duration,
}

/// The steps of the whole training of an experiment's network: none where its rule does not learn.
///
/// # Errors
/// As [`Experiment::steps_per_epoch`].
pub fn total_steps(experiment: &Experiment, network: &Network) -> Result<u64> {
    let per_epoch = experiment.steps_per_epoch()?;
    Ok(if network.learns() { experiment.config().training.total_steps(per_epoch) } else { 0 })
}

/// Trains from the run's checkpoint (or from the start) to the end, and returns the trained network in its trainer.
///
/// `progress` is called after every step, and once before the first. A rule that does not learn makes no steps. A network
/// with a weight that is not finite is not saved: the checkpoints before it stay.
///
/// # Errors
/// Where the stimuli or the network cannot be made, a loss or a weight is not finite, or the folder cannot be written to.
pub fn train(
    experiment: &Experiment,
    run: &mut Run,
    device: &Device,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trainer> {
    let config = experiment.config();
    let training = &config.training;
    let per_epoch = experiment.steps_per_epoch()?;
    let network = experiment.network(device)?;
    let total = total_steps(experiment, &network)?;
    let fingerprint = config.fingerprint()?;
    let mut trainer = Trainer::new(network, config.seed);
    let resumed = run.take_checkpoint();
    let fresh = resumed.is_none();
    if let Some(stored) = resumed {
        let Checkpoint { state, step, .. } = &stored.checkpoint;
        trainer.restore(state, *step).map_err(|error| stored.locate(error))?;
    }
    run.begin()?;
    let save = |trainer: &mut Trainer, run: &mut Run| {
        let (state, step) = (trainer.network_mut().state()?, trainer.steps());
        if let Some(name) = state.not_finite() {
            return Err(Error::diverged(format!("step {step}"), format!("`{name}` is not finite")));
        }
        run.save(&Checkpoint { state, step, seed: config.seed, fingerprint: fingerprint.clone() })
    };
    let start = trainer.steps();
    let batch = training.batch;
    progress(Progress { step: start, total, batch, loss: &[], waited: Duration::ZERO });
    if start >= total {
        if fresh {
            save(&mut trainer, run)?;
        }
        return Ok(trainer);
    }
    let every = training.checkpoint_every.steps(per_epoch).max(1);
    let mut loader = experiment.loader(start..total)?;
    while let Some(host) = loader.next() {
        let host = host.map_err(|error| config.locate(error))?;
        let (epoch, step) = (host.epoch, host.step + 1);
        let recorded = step % training.log_every == 0 || step == total;
        let loss = trainer.step(host.to_device(device)?, recorded)?;
        if recorded {
            run.record(&Record { step, epoch, loss: loss.clone() })?;
        }
        if step % every == 0 || step == total {
            save(&mut trainer, run)?;
        }
        progress(Progress { step, total, batch, loss: &loss, waited: loader.waited() });
    }
    Ok(trainer)
}
