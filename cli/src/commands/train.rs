//! `plasticity train CONFIG [--out DIR]`, `plasticity train --resume RUN`.

use super::start_threads;
use crate::arguments::Overrides;
use crate::exit::Exit;
use crate::output;
use crate::progress::TrainingProgress;
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::Network;
use plasticity_lab::probe::plan;
use plasticity_lab::run::{self, Run};
use plasticity_lab::training::Trainer;
use std::path::{Path, PathBuf};

/// Arguments of `train`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The config, a TOML file
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    config: Option<PathBuf>,
    /// The folder of the run [default: runs/NAME, after the config's name]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Go on with the run in this folder from its last checkpoint
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
}

/// Trains.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let set = &arguments.overrides.set;
    let device = Device::open()?;
    let (experiment, mut run) = match (&arguments.resume, &arguments.config) {
        (Some(folder), _) => resume(folder, set)?,
        (None, Some(config)) => {
            let stem = config.file_stem().unwrap_or(config.as_os_str());
            let folder = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(stem));
            start(Config::load(config, set)?, &folder, &device)?
        }
        (None, None) => return Ok(Exit::Usage),
    };
    if let Err(error) = plan(&experiment, &experiment.network(&device)?) {
        output::note(&format!("learning goes on, but could not be read out: {error}"));
    }
    learn(&experiment, &mut run, &device)?;
    output::print(&format!("{}", run.folder().display()))?;
    Ok(Exit::Success)
}

/// Tries a config's stimuli and network, so that a run's folder is made only for what can be trained.
pub fn prepare(config: Config, device: &Device) -> Result<(Experiment, Network)> {
    start_threads(&config)?;
    let experiment = Experiment::open(config)?;
    experiment.steps_per_epoch()?;
    let network = experiment.network(device)?;
    Ok((experiment, network))
}

/// Starts a run of a config.
pub fn start(config: Config, folder: &Path, device: &Device) -> Result<(Experiment, Run)> {
    let (experiment, _) = prepare(config, device)?;
    let run = Run::create(folder, experiment.config())?;
    Ok((experiment, run))
}

/// Goes on with a run.
fn resume(folder: &Path, set: &[String]) -> Result<(Experiment, Run)> {
    let config = run::config(folder, set)?;
    start_threads(&config)?;
    let experiment = Experiment::open(config)?;
    let run = Run::resume(folder, experiment.config())?;
    Ok((experiment, run))
}

/// Trains to the end, showing progress.
pub fn learn(experiment: &Experiment, run: &mut Run, device: &Device) -> Result<Trainer> {
    let mut shown = TrainingProgress::new();
    run::train(experiment, run, device, &mut |progress| shown.show(&progress))
}
