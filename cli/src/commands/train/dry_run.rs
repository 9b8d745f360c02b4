//! `plasticity train --dry-run`: describes a training without running it.

use crate::exit::Exit;
use crate::output;
use plasticity_core::Result;
use plasticity_core::map::MapShape;
use plasticity_core::stimulus::Split;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::memory;
use plasticity_lab::network::Network;
use plasticity_lab::probe::plan;
use plasticity_lab::run;
use std::path::Path;

/// Prints layers with shapes and parameters, memory and steps, and reads the first and last stimulus of every split.
/// It also checks that the network can begin with its weights: those of the checkpoint of the run in `resume`, or of
/// `training.init`.
pub fn print(experiment: &Experiment, mut network: Network, resume: Option<&Path>) -> Result<Exit> {
    let config = experiment.config();
    match resume.map(run::last_checkpoint).transpose()?.flatten() {
        Some(stored) => {
            stored.check(config)?;
            network.restore(&stored.checkpoint.state).map_err(|error| stored.locate(error))?;
        }
        None => run::start_from_init(experiment, &mut network)?,
    }
    let maps = network.shapes(experiment.input())?;
    let mut rows = Vec::new();
    let names: Vec<String> = network.layer_names().into_iter().map(str::to_owned).collect();
    for (index, (name, map)) in names.into_iter().zip(&maps).enumerate() {
        let values = count(&mut network, &format!("layer.{index}."));
        rows.push(vec![name, shape(map), values.to_string()]);
    }
    let modules: Vec<_> = network.modules().iter().map(|module| module.layers()).collect();
    for (index, layers) in modules.into_iter().enumerate() {
        let (first, last) = (layers.start + 1, layers.end);
        let layers = if first == last { first.to_string() } else { format!("{first}–{last}") };
        let values = count(&mut network, &format!("module.{index}."));
        rows.push(vec![format!("rule of {layers}"), String::new(), values.to_string()]);
    }
    let head = ["layer", "map (channels × time × rows × columns)", "parameters"].map(str::to_owned);
    output::print(&output::table(&head, &rows))?;
    let (total, per_epoch) = (run::total_steps(experiment, &network)?, experiment.steps_per_epoch()?);
    output::print(&format!(
        "{} stimuli of {}, {} in each step: {per_epoch} steps in an epoch, {total} in total",
        experiment.stimulus().len(),
        shape(&experiment.input()),
        config.training.batch
    ))?;
    let device = network.device().clone();
    output::print(&format!("memory: at least {}", experiment.memory(&device)?))?;
    match plan(experiment, &network) {
        Ok(plan) => output::print(&format!("memory for the probe: at least {}", plan.memory()))?,
        Err(error) => {
            run::fits_probe(experiment, &network)?;
            output::print(&format!("this run could be trained but not probed: {error}"))?;
        }
    }
    if let Some(limit) = memory::limit() {
        output::print(&format!("available memory: {} ({})", memory::size(limit.bytes), limit.of))?;
    }
    data(experiment)?;
    Ok(Exit::Success)
}

fn shape(map: &MapShape) -> String {
    let [time, rows, columns] = map.extent;
    format!("{} × {time} × {rows} × {columns}", map.channels)
}

/// The number of values of the parameters whose names start with `prefix`.
fn count(network: &mut Network, prefix: &str) -> usize {
    let own = network.parameters().into_iter().filter(|(name, _)| name.starts_with(prefix));
    own.map(|(_, parameter)| parameter.value().len()).sum()
}

/// Opens every split and reads its first and last stimulus. It reports if a config has no stimuli for the probe.
fn data(experiment: &Experiment) -> Result<()> {
    let config = experiment.config();
    for (split, what) in [
        (Split::Learn, "to learn from"),
        (Split::ProbeTrain, "to train the probe"),
        (Split::ProbeTest, "to test the probe"),
    ] {
        let opened = config.open_stimulus(split).and_then(|stimulus| {
            for index in [0, stimulus.len().saturating_sub(1)] {
                stimulus.sample(index, None)?;
            }
            Ok(stimulus.len())
        });
        match opened {
            Ok(count) => {
                output::print(&format!("stimuli {what}: {count}; the first and the last can be read"))?
            }
            Err(error) if split == Split::Learn => return Err(error),
            Err(error) => output::print(&format!("stimuli {what}: none: {error}"))?,
        }
    }
    Ok(())
}
