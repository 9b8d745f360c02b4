//! `plasticity probe RUN`: every layer's read-out as a table, and in `probe.json`.

use crate::exit::Exit;
use crate::options::Overrides;
use crate::output;
use crate::progress::ReadoutProgress;
use crate::threads::start_threads;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::Network;
use plasticity_lab::probe::{LayerReadout, probe};
use plasticity_lab::run::{self, Stored};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Arguments of `probe`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder of a run
    run: PathBuf,
    /// The checkpoint to read out, which is printed only [default: the run's last]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// What `probe.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Steps of training.
    pub step: u64,
    /// Every layer's read-out.
    pub layers: Vec<LayerReadout>,
    /// [`Config::readout_fingerprint`](plasticity_lab::config::Config::readout_fingerprint) of the config that it was read out by.
    #[serde(default)]
    pub readout: String,
}

/// Reads a run out.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let config = run::config(&arguments.run, &arguments.overrides.set)?;
    let own = arguments.checkpoint.is_none() && is_own(&config, &arguments.run)?;
    let stored = match &arguments.checkpoint {
        Some(path) => Stored::load(path)?,
        None => run::last_checkpoint(&arguments.run)?.ok_or_else(|| {
            Error::file(&arguments.run, "has no checkpoint yet: train it first, or wait for the first one")
        })?,
    };
    stored.check(&config)?;
    start_threads(&config)?;
    let device = Device::open()?;
    let experiment = Experiment::open(config)?;
    let mut network = experiment.network(&device)?;
    network.restore(&stored.checkpoint.state).map_err(|error| stored.locate(error))?;
    let report = report(&experiment, &mut network, stored.checkpoint.step, &device)?;
    let printed = output::print(&if arguments.json { output::json(&report)? } else { table(&report) });
    if own {
        write(&report, &arguments.run)?;
    } else {
        output::note("probe.json stays as it is: it is of the run's last checkpoint by the run's own config");
    }
    printed.map(|()| Exit::Success)
}

/// Whether a config reads the run in a folder out as the run's own does.
pub fn is_own(config: &Config, folder: &Path) -> Result<bool> {
    Ok(config.readout_fingerprint()? == run::config(folder, &[])?.readout_fingerprint()?)
}

/// Reads a network out, showing progress.
pub fn report(experiment: &Experiment, network: &mut Network, step: u64, device: &Device) -> Result<Report> {
    let mut shown = ReadoutProgress::new();
    let layers = probe(experiment, network, device, &mut |what, share| shown.show(what, share))?;
    Ok(Report { step, layers, readout: experiment.config().readout_fingerprint()? })
}

/// Writes `probe.json` into a run's folder, or says that it cannot.
pub fn write(report: &Report, folder: &Path) -> Result<()> {
    output::keep(&folder.join("probe.json"), &output::json(report)?);
    Ok(())
}

/// A report as a table, in percent.
pub fn table(report: &Report) -> String {
    let head = ["layer", "accuracy %", "untrained %", "chance %"].map(str::to_owned);
    let rows: Vec<Vec<String>> = report
        .layers
        .iter()
        .map(|layer| {
            let percent = |value: f64| format!("{value:.1}");
            vec![layer.name.clone(), percent(layer.accuracy), percent(layer.untrained), percent(layer.chance)]
        })
        .collect();
    output::table(&head, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"
seed = 1
[stimulus]
type = "images"
source = { type = "synthetic", count = 8, train = 24, test = 16 }
patch = { size = 16, stride = 8 }
[encoder]
preset = "vgg6"
widths = [2, 2, 2, 2, 2, 2]
[rule]
type = "random"
[training]
epochs = 1
batch = 8
[probe]
epochs = 1
all_layers = true
"#;

    #[test]
    fn progress_is_told_of_every_batch_of_features_and_of_every_layer() {
        let device = Device::open().unwrap();
        let experiment = Experiment::open(Config::parse(CONFIG, "here").unwrap()).unwrap();
        let mut network = experiment.network(&device).unwrap();
        let mut heard: Vec<(String, f64)> = Vec::new();
        probe(&experiment, &mut network, &device, &mut |what, share| heard.push((what.to_owned(), share)))
            .unwrap();
        let shares = |what: &str| -> Vec<f64> {
            heard.iter().filter(|(heard, _)| heard == what).map(|(_, share)| *share).collect()
        };
        assert_eq!(heard[0], ("features to learn from".to_owned(), 0.0));
        assert_eq!(shares("features to learn from"), [0.0, 1.0 / 3.0, 2.0 / 3.0]);
        assert_eq!(shares("features to test on"), [0.0, 0.5]);
        assert_eq!(shares("layer 4"), [0.5, 3.5 / 6.0]);
        assert_eq!(shares("all layers side by side").len(), 2 * 5, "twice all batches");
    }
}
