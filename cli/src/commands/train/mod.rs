//! `plasticity train CONFIG [--out DIR]`, `plasticity train --resume RUN`.

mod dry_run;

use crate::exit::Exit;
use crate::options::Overrides;
use crate::output;
use crate::progress::TrainingProgress;
use crate::signals::Signals;
use crate::threads::start_threads;
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::files::quoted;
use plasticity_lab::network::Network;
use plasticity_lab::probe::plan;
use plasticity_lab::run::{self, Run};
use plasticity_lab::training::Trainer;
use std::path::{Path, PathBuf};

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

/// Trains.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let set = &arguments.overrides.set;
    let device = Device::open()?;
    let (config, folder) = match (&arguments.resume, &arguments.config) {
        (Some(folder), _) => (run::config(folder, set)?, folder.clone()),
        (None, Some(config)) => {
            let stem = config.file_stem().unwrap_or(config.as_os_str());
            let folder = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(stem));
            (Config::load(config, set)?, folder)
        }
        (None, None) => return Ok(Exit::Usage),
    };
    let (experiment, network) = prepare(config, &device)?;
    if arguments.dry_run {
        return dry_run::print(&experiment, network);
    }
    if let Err(error) = plan(&experiment, &network) {
        output::note(&format!("this run can be trained but not probed: {error}"));
    }
    let mut run = match arguments.resume {
        Some(_) => Run::resume(&folder, experiment.config())?,
        None => Run::create(&folder, experiment.config())?,
    };
    match learn(&experiment, network, &mut run)? {
        Learned::Stopped(exit) => Ok(exit),
        Learned::All(_) => {
            output::print(&format!("{}", run.folder().display()))?;
            output::note(&format!("next:\n{}", next(run.folder()).join("\n")));
            Ok(Exit::Success)
        }
    }
}

/// The commands that a trained run is for, of those that this program has.
fn next(folder: &Path) -> Vec<String> {
    let program = crate::command();
    let known = ["probe", "report", "features"].into_iter();
    let known = known.filter(|name| program.find_subcommand(name).is_some());
    known
        .map(|name| format!("  plasticity {name} {}", output::quoted(&folder.display().to_string())))
        .collect()
}

/// Tries a config's stimuli and network, so that a run's folder is made only for what can be trained.
pub fn prepare(config: Config, device: &Device) -> Result<(Experiment, Network)> {
    start_threads(&config)?;
    let experiment = Experiment::open(config)?;
    experiment.steps_per_epoch()?;
    let network = experiment.network(device)?;
    Ok((experiment, network))
}

/// What came of a training.
pub enum Learned {
    /// It came to its end, or an observer ended it.
    All(Box<Trainer>),
    /// A signal stopped it, and the program ends so.
    Stopped(Exit),
}

/// Trains a network to the end and shows progress. After a signal it stops and prints how to resume.
pub fn learn(experiment: &Experiment, network: Network, run: &mut Run) -> Result<Learned> {
    let (mut shown, signals) = (TrainingProgress::new(), Signals::listen()?);
    let total = run::total_steps(experiment, &network)?;
    let trainer = run::train(experiment, network, run, &|| signals.came(), &mut [&mut shown])?;
    if let Some(why) = trainer.halted() {
        output::note(&format!("ended early after step {} of {total}: {why}", trainer.steps()));
    }
    if trainer.steps() >= total || trainer.halted().is_some() {
        return Ok(Learned::All(Box::new(trainer)));
    }
    output::note(&format!(
        "stopped after step {} of {total}, which is saved; resume with: plasticity train --resume {}",
        trainer.steps(),
        quoted(run.folder())
    ));
    Ok(Learned::Stopped(signals.exit()))
}
