//! `plasticity alignment CONFIG|RUN`: the angle between local updates and backpropagation's, layer by layer.

use super::probe;
use crate::exit::Exit;
use crate::loaded::intact;
use crate::options::Overrides;
use crate::output;
use crate::progress::TrainingProgress;
use crate::threads::start_threads;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use plasticity_lab::alignment::{self, Along, LayerAlignment};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::State;
use plasticity_lab::run;
use plasticity_lab::training::{Length, learn};
use serde::Serialize;
use std::path::PathBuf;

/// Arguments of `alignment`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A config, or the folder of a run: then its checkpoints are measured, and `alignment.json` is written into the folder
    #[arg(value_name = "CONFIG|RUN")]
    what: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
    /// With a config: training steps after which to measure again
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    steps: Vec<u64>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// The angles of a network after some steps of training.
#[derive(Debug, Serialize)]
struct Stage {
    step: u64,
    layers: Vec<LayerAlignment>,
}

/// Measures and prints, and writes `alignment.json` for a run. If training diverges, it prints the earlier
/// measurements.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let set = &arguments.overrides.set;
    let is_run = arguments.what.is_dir();
    let config =
        if is_run { run::config(&arguments.what, set)? } else { Config::load(&arguments.what, set)? };
    if is_run && !arguments.steps.is_empty() {
        let message = "is only for configs: a run is measured at its checkpoints (training.keep says how many it keeps)";
        return Err(Error::config("--steps", message));
    }
    start_threads(&config)?;
    let device = Device::open()?;
    let experiment = Experiment::open(config)?;
    reachable(&experiment, &arguments.steps, &device)?;
    let mut stages = Vec::new();
    let checkpoints = if is_run { run::checkpoints(&arguments.what)? } else { Vec::new() };
    for (step, path) in &checkpoints {
        let Some(stored) = intact(path)? else { continue };
        stored.check(experiment.config())?;
        let layers = alignment::at(&experiment, Some(&stored.checkpoint.state), *step, &device)
            .map_err(|error| stored.locate(error))?;
        stages.push(Stage { step: *step, layers });
    }
    // A run with weights from elsewhere has a checkpoint of step 0. If it is damaged, the start is not known.
    if checkpoints.first().is_none_or(|(first, _)| *first > 0) {
        let start = started(&experiment, &device)?;
        let layers = alignment::at(&experiment, start.as_ref(), 0, &device)?;
        stages.insert(0, Stage { step: 0, layers });
    }
    let trained_to = if is_run { Ok(()) } else { train(&experiment, &arguments.steps, &device, &mut stages) };
    let json = output::json(&stages)?;
    let printed = output::print(&if arguments.json { json.clone() } else { table(&stages) });
    if is_run && probe::is_own(experiment.config(), &arguments.what, &device)? {
        output::keep(&arguments.what.join("alignment.json"), &json);
    } else if is_run {
        output::note("alignment.json is not changed: it belongs to the run's own config");
    }
    trained_to.and(printed).map(|()| Exit::Success)
}

/// Refuses steps after the end of the config's training, in which no module learns.
fn reachable(experiment: &Experiment, steps: &[u64], device: &Device) -> Result<()> {
    let Some(most) = steps.iter().max() else { return Ok(()) };
    let network = experiment.network(device)?;
    let total = run::total_steps(experiment, &network)?;
    if !network.learns() || *most <= total {
        return Ok(());
    }
    let message = format!(
        "names step {most}, but the config's training ends after {total} steps: raise training.epochs or training.steps"
    );
    Err(Error::config("--steps", message))
}

/// The initial state of a run, if the config has `training.init`.
fn started(experiment: &Experiment, device: &Device) -> Result<Option<State>> {
    if experiment.config().training.init.is_none() {
        return Ok(None);
    }
    let mut network = experiment.network(device)?;
    run::start_from_init(experiment, &mut network)?;
    Ok(Some(network.state()?))
}

/// Trains the config's network and adds its angles after each of `steps`.
fn train(experiment: &Experiment, steps: &[u64], device: &Device, stages: &mut Vec<Stage>) -> Result<()> {
    let total = steps.iter().copied().max().unwrap_or(0);
    let mut network = experiment.network(device)?;
    if total == 0 || !network.learns() {
        return Ok(());
    }
    run::start_from_init(experiment, &mut network)?;
    let mut trainer = run::trainer(experiment, network)?;
    let (mut shown, mut along) = (TrainingProgress::new(), Along::new(experiment, steps));
    let mut loader = experiment.loader(0..total)?;
    let length = Length { total, batch: experiment.config().training.batch };
    let trained = learn(&mut trainer, &mut loader, length, &|| false, &mut [&mut shown, &mut along]);
    stages.extend(along.found.into_iter().map(|(step, layers)| Stage { step, layers }));
    trained
}

/// Degrees, with a row for each layer (counted from 1) and a column for each stage.
fn table(stages: &[Stage]) -> String {
    let mut head = vec!["layer".to_owned()];
    head.extend(stages.iter().map(|stage| match stage.step {
        0 => "start, °".to_owned(),
        step => format!("step {step}, °"),
    }));
    let layers = stages.first().map_or(&[][..], |stage| &stage.layers);
    let number = |name: &str| name.rsplit('.').next().and_then(|index| index.parse::<usize>().ok());
    let rows: Vec<Vec<String>> = layers
        .iter()
        .enumerate()
        .map(|(row, layer)| {
            let name = number(&layer.name).map_or(layer.name.clone(), |index| (index + 1).to_string());
            let angle = |stage: &Stage| stage.layers.get(row).and_then(|layer| layer.degrees);
            let shown =
                |angle: Option<f64>| angle.map_or("–".to_owned(), |degrees| format!("{degrees:.1}"));
            std::iter::once(name).chain(stages.iter().map(|stage| shown(angle(stage)))).collect()
        })
        .collect();
    output::table(&head, &rows)
}
