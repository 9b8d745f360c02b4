//! The training of a run.

use super::observers::{Along, Checkpoints, Events, Look, Metrics, Own, Watch};
use super::{Record, Run, Stored, start_from_init};
use crate::checkpoint::Checkpoint;
use crate::config::{BestBy, Parallel, Patience};
use crate::experiment::Experiment;
use crate::network::Network;
use crate::probe::{plan, plan_in_any_memory};
use crate::provenance::Provenance;
use crate::ranks::{Alone, Collective, Negatives, Sharing, same_program};
use crate::training::{Course, Length, Trainer, learn};
use plasticity_core::observer::{Moment, Observer};
use plasticity_core::{Error, Result};
use std::cell::RefCell;
use std::sync::Arc;

/// The steps of the whole training of an experiment's network: 0 if its rule does not learn.
///
/// # Errors
/// As [`Experiment::steps_per_epoch`].
pub fn total_steps(experiment: &Experiment, network: &Network) -> Result<u64> {
    let per_epoch = experiment.steps_per_epoch()?;
    Ok(if network.learns() { experiment.config().training.total_steps(per_epoch) } else { 0 })
}

/// The training of an experiment's network from its first step, with the config's seed, rates and turns.
///
/// # Errors
/// As [`Experiment::steps_per_epoch`].
pub fn trainer(experiment: &Experiment, network: Network) -> Result<Trainer> {
    let training = &experiment.config().training;
    let (total, per_epoch) = (total_steps(experiment, &network)?, experiment.steps_per_epoch()?);
    let course = Course::new(training, network.modules().len(), per_epoch, total);
    Ok(Trainer::new(network, experiment.config().seed).with_course(course))
}

/// Trains the new network `network` from the run's checkpoint (or from the start) to the end, and returns it in its
/// trainer. If `stop` returns true, training ends after the current step, with a checkpoint, and [`Trainer::steps`]
/// is below [`total_steps`]. The same happens if an observer or the config's patience ends it; then
/// [`Trainer::halted`] gives the reason.
///
/// The run's own observers (measures, metrics, events, checkpoints) and the config's observers are called first,
/// then `observers`, which can read the [measures](Moment::measures). A rule that does not learn makes no steps. A
/// network with a weight that is not finite is not saved; earlier checkpoints stay.
///
/// # Errors
/// If the stimuli cannot be made, the run has already made more steps, a loss or a weight is not finite, an
/// observer returns an error, or the folder cannot be written to. Before the first step, if the config's patience does
/// not fit its turns or its recorded losses, a decay ends with its warm-up, or training needs a probe that is not
/// possible.
pub fn train(
    experiment: &Experiment,
    network: Network,
    run: &mut Run,
    stop: &dyn Fn() -> bool,
    observers: &mut [&mut dyn Observer<Trainer>],
) -> Result<Trainer> {
    train_among(Arc::new(Alone::default()), experiment, network, Some(run), stop, observers)
}

/// Checks that the ranks can train this network together. Every rank gets the same error.
///
/// # Errors
/// If the ranks have different programs, configs or stimuli, the batch cannot be divided, the config asks for a
/// pipeline, or a rank has left.
pub fn fits_ranks(ranks: &Arc<dyn Collective>, experiment: &Experiment, network: &Network) -> Result<()> {
    if ranks.size() == 1 {
        return Ok(());
    }
    let config = experiment.config();
    let provenance = Provenance::here(network.device(), experiment.data_fingerprint());
    same_program(ranks.as_ref(), &provenance, &config.to_toml()?)?;
    let training = &config.training;
    if training.parallel.pace().is_some() {
        let message = "a pipeline runs on the threads of one process, but several were started: leave it out, or start one process";
        return Err(Error::config(config.place("training.parallel"), message));
    }
    let (shard, presentations) = (training.batch / ranks.size(), training.presentations);
    if training.negatives == Negatives::Shard && !shard.is_multiple_of(presentations) {
        let message = format!(
            "a rank's shard of {shard} does not hold each of its stimuli {presentations} times: choose another training.batch, \
             or training.negatives = \"global\""
        );
        return Err(Error::config(config.place("training.presentations"), message));
    }
    let least = config.rule.demands().least_batch;
    if training.negatives == Negatives::Shard && shard < least {
        let message = format!(
            "leaves a rank's shard of {shard}, but the rule compares stimuli and needs at least {least}: choose another \
             training.batch, or training.negatives = \"global\""
        );
        return Err(Error::config(config.place("training.negatives"), message));
    }
    let sharing = Sharing::new(Arc::clone(ranks), training.negatives, training.batch);
    sharing.map(drop).map_err(|error| config.locate(error))
}

/// Refuses what a training would find only after many steps, or what would end it at a wrong step. `probes`: whether
/// this rank probes. `new`: whether the run starts; the schedule of one that goes on is its own.
fn begins(experiment: &Experiment, network: &Network, probes: bool, new: bool) -> Result<()> {
    let config = experiment.config();
    let training = &config.training;
    let refuse = |key: &str, message: String| Err(Error::config(config.place(key), message));
    if training.turns.is_some() && training.patience.is_some() {
        let message = "could end training before the turns of the last modules: leave out training.patience or training.turns";
        return refuse("training.patience", message.to_owned());
    }
    if new {
        experiment.check_schedule()?;
    }
    let per_epoch = experiment.steps_per_epoch()?;
    if matches!(training.patience, Some(Patience::Loss(_))) && training.log_every > per_epoch {
        let message = format!(
            "leaves epochs of {per_epoch} steps without a recorded loss, but training.patience compares the losses of \
             all epochs: give at most {per_epoch}"
        );
        return refuse("training.log_every", message);
    }
    let needed = config.rule.demands().presentations.unwrap_or(1);
    if probes && training.presentations < needed {
        tracing::warn!(
            "the rule is made for training.presentations = {needed}: with one presentation, a stimulus is only a positive \
             or only a negative in a step"
        );
    }
    let (key, total) = training.end(per_epoch);
    if let Some(steps) = training.steps.filter(|&steps| probes && network.learns() && steps > total) {
        tracing::warn!(
            "{key} ends training after {total} steps, before training.steps = {steps}: to make them all, raise it"
        );
    }
    if probes { fits_probe(experiment, network) } else { Ok(()) }
}

/// Checks that the layers can be probed if training needs it. Probes during training see a part of the stimuli, so they
/// need no memory for the features of all.
///
/// # Errors
/// As [`plan`].
pub fn fits_probe(experiment: &Experiment, network: &Network) -> Result<()> {
    let config = experiment.config();
    if config.training.keep_best > 0 && config.training.best_by == BestBy::Probe {
        plan(experiment, network).map(drop)
    } else if config.probe.every.is_some() {
        plan_in_any_memory(experiment, network).map(drop)
    } else {
        Ok(())
    }
}

/// [`train`] as one of several ranks, after [`fits_ranks`]. Only rank 0 has the `run`: it reads the checkpoint,
/// sends its state to the other ranks and writes everything. All ranks end after the same step.
///
/// # Errors
/// As [`train`]; also if the batch cannot be divided, or a rank has left.
pub fn train_among(
    ranks: Arc<dyn Collective>,
    experiment: &Experiment,
    network: Network,
    mut run: Option<&mut Run>,
    stop: &dyn Fn() -> bool,
    observers: &mut [&mut dyn Observer<Trainer>],
) -> Result<Trainer> {
    let config = experiment.config();
    let training = &config.training;
    let new = run.as_ref().is_some_and(|run| run.made().is_none());
    begins(experiment, &network, run.is_some(), new)?;
    let total = total_steps(experiment, &network)?;
    let mut provenance = Provenance::here(network.device(), experiment.data_fingerprint());
    if training.negatives == Negatives::Shard {
        provenance.ranks = ranks.size();
    }
    let sharing = Sharing::new(ranks, training.negatives, training.batch);
    let sharing = sharing.map_err(|error| config.locate(error))?.on(network.device());
    let mut trainer = trainer(experiment, network)?.among(sharing);
    if let Some(pace) = training.parallel.pace() {
        trainer = trainer.in_pipeline(experiment.input(), pace).map_err(|error| config.locate(error))?;
    }
    let mut resumed = None;
    if let Some(run) = &mut run {
        resumed = run.take_checkpoint();
        match &resumed {
            Some(stored) => {
                let Checkpoint { state, step, .. } = &stored.checkpoint;
                trainer.restore(state, *step).map_err(|error| stored.locate(error))?;
            }
            None => start_from_init(experiment, trainer.network_mut())?,
        }
    }
    trainer.start_as_first()?;
    let start = trainer.steps();
    if start > total {
        let (key, _) = training.end(experiment.steps_per_epoch()?);
        let message = format!(
            "gives {total} steps, but the run has already made {start}: give at least {start} steps, or start a new \
             run"
        );
        return Err(Error::config(config.place(key), message));
    }
    let mut batches = match start < total {
        true => Some(experiment.loader_of(start..total, trainer.sharing().shard())?),
        false => None,
    };
    let mut batches = batches.iter_mut().flatten().map(|host| host.map_err(|error| config.locate(error)));
    let length = Length { total, batch: training.batch };
    match run {
        Some(run) => {
            let past = Past { resumed, start, total };
            let folder = run.folder().to_owned();
            let made = observed(experiment, run, past, provenance, observers, &mut |observers| {
                learn(&mut trainer, &mut batches, length, stop, observers)
            });
            made.map_err(|error| super::diverged::explained(error, experiment, &folder))?;
        }
        None => learn(&mut trainer, &mut batches, length, stop, observers)?,
    }
    Ok(trainer)
}

/// The earlier part of a run.
struct Past {
    resumed: Option<Stored>,
    start: u64,
    total: u64,
}

/// Trains with observers.
type Learning<'a> = dyn FnMut(&mut [&mut dyn Observer<Trainer>]) -> Result<()> + 'a;

/// Trains with all observers of a run.
fn observed(
    experiment: &Experiment,
    run: &mut Run,
    past: Past,
    provenance: Provenance,
    observers: &mut [&mut dyn Observer<Trainer>],
    learn: &mut Learning,
) -> Result<()> {
    let config = experiment.config();
    let training = &config.training;
    let per_epoch = experiment.steps_per_epoch()?;
    let then = past.resumed.as_ref().and_then(|stored| stored.checkpoint.provenance.as_ref());
    let changed = then.and_then(|then| provenance.difference(then));
    if let Some(changed) = &changed {
        tracing::warn!(
            "{} resumes under other conditions, so its bits may differ from those of a run that was never stopped: \
             {changed}",
            run.folder().display()
        );
    }
    if training.parallel == Parallel::FreePipeline && past.resumed.is_some() {
        tracing::warn!(
            "{} resumes in a free_pipeline, in which the batches that modules skip depend on time: its bits differ from those of a \
             run that was never stopped",
            run.folder().display()
        );
    }
    let along = config.probe.every.map(|_| Along::new(experiment)).transpose()?;
    run.begin()?;
    if past.start < past.total || past.resumed.is_none() {
        run.enter(&provenance, changed.as_deref())?;
    }
    let model = Checkpoint {
        state: Default::default(),
        step: 0,
        seed: config.seed,
        fingerprint: config.fingerprint()?,
        config: Some(config.learning_keys()?.to_string()),
        provenance: Some(provenance),
    };
    let run = RefCell::new(run);
    let mut look = Look::new(&run, experiment, per_epoch, along);
    let watch = Watch::new(&run, experiment);
    let mut metrics = Metrics::new(&run, training.log_every, look.probes_every(), watch);
    let mut events = Events::new(&run, training.log_every);
    let mut checkpoints = Checkpoints::new(&run, experiment, per_epoch, model, past.resumed.is_some());
    let mut own = Own::all(&run, config)?;
    let mut all: Vec<&mut dyn Observer<Trainer>> = vec![&mut look, &mut metrics, &mut events];
    all.extend(own.iter_mut().map(|own| own as &mut dyn Observer<Trainer>));
    all.push(&mut checkpoints);
    all.extend(observers.iter_mut().map(|observer| &mut **observer as &mut dyn Observer<Trainer>));
    learn(&mut all)
}

/// Whether the losses of a step are recorded.
pub(super) fn recorded(step: u64, log_every: u64, total: u64) -> bool {
    step.is_multiple_of(log_every) || step == total
}

impl Record {
    /// The record of a step.
    pub(super) fn of(moment: &Moment<Trainer>) -> Self {
        let surprise: Option<Vec<f32>> = moment.network().surprise().iter().copied().collect();
        let (loss, surprise) = (moment.losses.to_vec(), surprise.unwrap_or_default());
        Self { step: moment.step, epoch: moment.epoch, loss, surprise, measures: Default::default() }
    }
}
