//! `plasticity train CONFIG [--out DIR]`, `plasticity train --resume RUN`.

mod dry_run;

use crate::exit::Exit;
use crate::options::Overrides;
use crate::output::{self, quoted};
use crate::progress::TrainingProgress;
use crate::ranks;
use crate::signals::Signals;
use crate::threads::start_threads;
use plasticity_core::device::Device;
use plasticity_core::observer::Observer;
use plasticity_core::{Error, Result};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::Network;
use plasticity_lab::probe::plan;
use plasticity_lab::ranks::{Alone, Collective};
use plasticity_lab::run::{self, Run};
use plasticity_lab::training::{Course, Trainer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Arguments of `train`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The config (a TOML file)
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    config: Option<PathBuf>,
    /// The folder of the run [default: runs/NAME, with the name of the config]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Resume the run in this folder from its last checkpoint
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Train nothing; print layers, memory and steps, and check the files of the stimuli
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// Trains, as the only process or as one of several ranks.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let named = named(arguments);
    let limit = named.as_ref().map_or(HURRY, |(config, _)| Duration::from_secs(config.training.rank_limit));
    let ranks = ranks::join(limit)?;
    let prepared = named.and_then(|(config, folder)| {
        let (experiment, network) = prepare(config, &Device::open()?, ranks.size())?;
        // The schedule of a run that goes on is its own.
        if arguments.resume.is_none() {
            experiment.check_schedule()?;
        }
        Ok(((experiment, network), folder))
    });
    let ((experiment, network), folder) = ranks::agree(ranks.as_ref(), prepared)?;
    ranks::agree(ranks.as_ref(), run::fits_ranks(&ranks, &experiment, &network))?;
    if arguments.dry_run {
        ranks::agree(ranks.as_ref(), dry_run::print(&experiment, network, arguments.resume.as_deref()))?;
        return Ok(Exit::Success);
    }
    let run = (ranks.rank() == 0).then(|| begin(arguments, &experiment, &network, &folder)).transpose();
    let mut run = ranks::agree(ranks.as_ref(), run)?;
    ranks::together(&ranks, || match learn_among(&ranks, &experiment, network, run.as_mut())? {
        Learned::Stopped(exit) => Ok(exit),
        Learned::All(_) => {
            if let Some(run) = &run {
                output::print(&format!("{}", run.folder().display()))?;
                output::note(&format!("next:\n{}", next(run.folder()).join("\n")));
            }
            Ok(Exit::Success)
        }
    })
}

/// How long ranks wait for each other if the config cannot be read.
const HURRY: Duration = Duration::from_secs(60);

/// The config of the command and the run's folder.
fn named(arguments: &Arguments) -> Result<(Config, PathBuf)> {
    let set = &arguments.overrides.set;
    match (&arguments.resume, &arguments.config) {
        (Some(folder), _) => Ok((run::config(folder, set)?, folder.clone())),
        (None, Some(config)) => {
            let stem = config.file_stem().unwrap_or(config.as_os_str());
            let folder = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(stem));
            Ok((Config::load(config, set)?, folder))
        }
        (None, None) => Err(Error::config("train", "names no config")),
    }
}

/// A new run, or the one to resume.
fn begin(arguments: &Arguments, experiment: &Experiment, network: &Network, folder: &Path) -> Result<Run> {
    if let Err(error) = plan(experiment, network) {
        run::fits_probe(experiment, network)?;
        output::note(&format!("this run can be trained but not probed: {error}"));
    }
    if arguments.resume.is_none() {
        return Run::create(folder, experiment.config());
    }
    let run = Run::resume(folder, experiment.config())?;
    let (key, total) = experiment.config().training.end(experiment.steps_per_epoch()?);
    if run.made() == Some(total) {
        output::note(&format!(
            "nothing to train: the run has made its {total} steps, and {key} ends it there; to train longer, raise it"
        ));
    }
    let made = run::checkpoints(folder)?.last().map_or(0, |(step, _)| *step);
    // A stored config that cannot be read without the overrides says nothing about the earlier rates.
    if let Ok(stored) = run::config(folder, &[])
        && let Some(other) = other_rates(&stored, experiment, network, made)?
    {
        output::note(&format!(
            "warning: {} is a run {other}, so it learns differently from one that was never stopped; to keep the \
             rates, undo the change, or start a new run",
            folder.display()
        ));
    }
    Ok(run)
}

/// How the first `made` steps of the run with the config `stored` differ in their rates from those of a training as
/// long as the experiment's; `None` if the rates are the same.
pub fn other_rates(
    stored: &Config,
    experiment: &Experiment,
    network: &Network,
    made: u64,
) -> Result<Option<String>> {
    let (per_epoch, modules) = (experiment.steps_per_epoch()?, network.modules().len());
    let ours = &experiment.config().training;
    let [before, now] = [&stored.training, ours].map(|training| training.total_steps(per_epoch));
    let course = |total| Course::new(ours, modules, per_epoch, total);
    if course(before).agrees(&course(now), made.min(before).min(now)) {
        return Ok(None);
    }
    Ok(Some(format!(
        "of {before} steps in all, whose training.schedule gave its steps other rates than with {now} steps"
    )))
}

/// The next commands for a trained run, as far as this program has them.
fn next(folder: &Path) -> Vec<String> {
    let (commands, program) = (crate::command(), output::program());
    let features = format!(" --out {}", quoted(folder.join("features.npz")));
    let known = [("probe", ""), ("report", ""), ("features", features.as_str())].into_iter();
    let known = known.filter(|(name, _)| commands.find_subcommand(name).is_some());
    known.map(|(name, options)| format!("  {program} {name} {}{options}", quoted(folder))).collect()
}

/// Checks a config's stimuli and network, so that a run's folder is made only if training is possible.
/// `ranks` is the number of ranks that share each batch.
pub fn prepare(config: Config, device: &Device, ranks: usize) -> Result<(Experiment, Network)> {
    start_threads(&config)?;
    let experiment = Experiment::open(config)?.among(ranks);
    experiment.steps_per_epoch()?;
    let network = experiment.network(device)?;
    if experiment.config().training.parallel.pace().is_some() {
        network.learns_in_parts().map_err(|error| experiment.config().locate(error))?;
    }
    Ok((experiment, network))
}

/// The outcome of a training.
pub enum Learned {
    /// It reached its end, or an observer ended it.
    All(Box<Trainer>),
    /// A signal stopped it; the program ends with this status.
    Stopped(Exit),
}

/// Trains a network to the end and shows progress. After a signal it stops and prints how to resume. After the end of
/// training, a signal ends the program in the default way.
pub fn learn(experiment: &Experiment, network: Network, run: &mut Run) -> Result<Learned> {
    let alone: Arc<dyn Collective> = Arc::new(Alone::default());
    let learned = learn_among(&alone, experiment, network, Some(run))?;
    if let Learned::All(_) = &learned {
        Signals::rest();
    }
    Ok(learned)
}

/// The same as one of several ranks. Only rank 0 has the run, shows progress, and prints how to resume.
fn learn_among(
    ranks: &Arc<dyn Collective>,
    experiment: &Experiment,
    network: Network,
    run: Option<&mut Run>,
) -> Result<Learned> {
    let (mut shown, signals) = (TrainingProgress::new(), Signals::listen()?);
    let total = run::total_steps(experiment, &network)?;
    let folder = run.as_ref().map(|run| run.folder().to_owned()).unwrap_or_default();
    let mut observers: Vec<&mut dyn Observer<Trainer>> = Vec::new();
    if run.is_some() {
        observers.push(&mut shown);
    }
    let stop = || signals.came();
    let trainer = run::train_among(Arc::clone(ranks), experiment, network, run, &stop, &mut observers)?;
    if let Some(why) = trainer.halted() {
        output::note(&format!("ended early after step {} of {total}: {why}", trainer.steps()));
    }
    if trainer.steps() >= total || trainer.halted().is_some() {
        return Ok(Learned::All(Box::new(trainer)));
    }
    output::note(&format!(
        "stopped after step {} of {total}, which is saved; resume with: {} train --resume {}",
        trainer.steps(),
        output::program(),
        quoted(&folder)
    ));
    Ok(Learned::Stopped(signals.exit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_commands_are_commands_of_this_program() {
        let lines = next(Path::new("runs/a"));
        assert_eq!(lines.len(), 3);
        for line in lines {
            let words = line.trim().strip_prefix(&output::program()).unwrap().split(' ');
            let read = crate::command().try_get_matches_from(words);
            assert!(read.is_ok(), "{line}: {:?}", read.err());
        }
    }
}
