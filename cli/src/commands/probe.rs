//! `plasticity probe RUN`: probes every layer, prints a table and writes `probe.json`.

use crate::exit::Exit;
use crate::options::Overrides;
use crate::output;
use crate::progress::ProbeProgress;
use crate::threads::start_threads;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use plasticity_lab::config::{Config, Patience, Training};
use plasticity_lab::experiment::Experiment;
use plasticity_lab::network::Network;
use plasticity_lab::probe::{Beside, ByGoodness, FeatureStatistics, LayerProbe, goodness, probe};
use plasticity_lab::run::{self, Stored};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Arguments of `probe`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder of a run
    run: PathBuf,
    /// A checkpoint to probe; the result is printed but not saved [default: the run's last]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Probe with the stimuli of another config, to see how well features transfer; printed but not saved
    #[arg(long, value_name = "CONFIG")]
    on: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// The content of `probe.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Steps of training.
    pub step: u64,
    /// Every layer's probes.
    pub layers: Vec<LayerProbe>,
    /// The accuracy by goodness, for rules that recognise classes by goodness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goodness: Option<ByGoodness>,
    /// [`Config::probe_fingerprint`](plasticity_lab::config::Config::probe_fingerprint) of the config of the probe.
    /// `readout` in the files of earlier builds.
    #[serde(default, alias = "readout")]
    pub fingerprint: String,
    /// Whether patience ended a training before its last step. Missing after the last step, and in some files of
    /// earlier builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// Whether patience ended the training of a network that is probed before the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It is not known to have ended.
    Open,
    /// This patience ended it.
    By(Patience),
}

/// Probes a run.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let on = arguments.on.as_deref().map(stimuli_of).transpose()?;
    let overrides: Vec<String> = on.into_iter().chain(arguments.overrides.set.iter().cloned()).collect();
    let config = run::config(&arguments.run, &overrides)?;
    let stored = match &arguments.checkpoint {
        Some(path) => Stored::load(path)?,
        None => run::last_checkpoint(&arguments.run)?.ok_or_else(|| {
            Error::file(
                &arguments.run,
                "has no checkpoint yet: train the run first, or wait for its first \
                                         checkpoint",
            )
        })?,
    };
    stored.check(&config)?;
    start_threads(&config)?;
    let device = Device::open()?;
    let own = arguments.checkpoint.is_none() && is_own(&config, &arguments.run, &device)?;
    let experiment = Experiment::open(config)?;
    let mut network = experiment.network(&device)?;
    network.restore(&stored.checkpoint.state).map_err(|error| stored.locate(error))?;
    let mut report = report(&experiment, &mut network, stored.checkpoint.step, &device)?;
    let whole = run::total_steps(&experiment, &network).is_ok_and(|total| report.step >= total);
    report.ended = if own && !whole { ended(&arguments.run, report.step) } else { None };
    let printed = output::print(&if arguments.json { output::json(&report)? } else { table(&report) });
    if own {
        write(&report, &arguments.run)?;
    } else {
        output::note(
            "probe.json is not changed: it belongs to the run's last checkpoint and the run's own config",
        );
    }
    printed.map(|()| Exit::Success)
}

/// Whether patience has ended the run in a folder at a step, as its last report states it.
fn ended(folder: &Path, step: u64) -> Option<Ended> {
    let bytes = std::fs::read(folder.join("probe.json")).ok();
    let last: Option<Report> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    last.filter(|last| last.step == step).map_or(Some(Ended::Open), |last| last.ended)
}

/// The override that sets the stimuli of another config.
fn stimuli_of(path: &Path) -> Result<String> {
    Config::load(path, &[])?.stimulus_override()
}

/// Whether a config gives the same probe as the own config of the run in a folder, and has its first weights and its
/// precision.
pub fn is_own(config: &Config, folder: &Path, device: &Device) -> Result<bool> {
    let own = run::config(folder, &[])?;
    let precision = |of: &Training| of.precision.unwrap_or(device.default_precision());
    let (ours, theirs) = (&config.training, &own.training);
    Ok(ours.init == theirs.init
        && ours.init_layers == theirs.init_layers
        && precision(ours) == precision(theirs)
        && config.probe_fingerprint()? == own.probe_fingerprint()?)
}

/// Probes a network and shows progress.
pub fn report(experiment: &Experiment, network: &mut Network, step: u64, device: &Device) -> Result<Report> {
    let mut shown = ProbeProgress::new();
    let layers = probe(experiment, network, device, &mut |what, share| shown.show(what, share))?;
    let goodness = goodness(experiment, network, device, &mut |what, share| shown.show(what, share))?;
    let fingerprint = experiment.config().probe_fingerprint()?;
    Ok(Report { step, layers, goodness, fingerprint, ended: None })
}

/// Writes `probe.json` into a run's folder, or warns if this fails.
pub fn write(report: &Report, folder: &Path) -> Result<()> {
    output::keep(&folder.join("probe.json"), &output::json(report)?);
    Ok(())
}

/// A report as a table. For each probe it has the accuracy of the trained and the untrained network in percent, the
/// top-5 accuracy if there are more than five classes, and the chosen epoch if stimuli are held out for it. Then follow
/// the accuracy of guessing and the statistics of the features of both networks.
pub fn table(report: &Report) -> String {
    let Some(first) = report.layers.first() else { return String::new() };
    let mut head = vec!["layer".to_owned()];
    for score in &first.scores {
        head.extend([format!("{} %", score.probe.name()), "untrained %".to_owned(), "gain".to_owned()]);
        head.extend(score.top5.map(|_| "top 5 %".to_owned()));
        head.extend(score.chosen.iter().flat_map(|_| ["validation %", "epoch"].map(str::to_owned)));
    }
    head.push("chance %".to_owned());
    let uneven = report.layers.iter().any(|layer| (layer.majority - layer.chance).abs() > 0.05);
    head.extend(uneven.then(|| "majority class %".to_owned()));
    head.extend(["dead %", "dimension", "untrained"].map(str::to_owned));
    let row = |layer: &LayerProbe| -> Vec<String> {
        let mut cells = vec![layer.name.clone()];
        for score in &layer.scores {
            let gain = score.accuracy - score.untrained;
            cells.extend([percent(score.accuracy), percent(score.untrained), format!("{gain:+.1}")]);
            cells.extend(score.top5.map(|top5| percent(top5.trained)));
            let chosen = score.chosen.map(|chosen| chosen.trained);
            cells.extend(
                chosen.iter().flat_map(|chosen| [percent(chosen.validation), chosen.epoch.to_string()]),
            );
        }
        cells.push(percent(layer.chance));
        cells.extend(uneven.then(|| percent(layer.majority)));
        let FeatureStatistics { dead, dimension } = layer.features;
        cells.extend([percent(dead), percent(dimension), percent(layer.untrained_features.dimension)]);
        cells
    };
    let table = output::table(&head, &report.layers.iter().map(row).collect::<Vec<_>>());
    match &report.goodness {
        None => table,
        Some(goodness) => format!("{table}\n\n{}", by_goodness(goodness)),
    }
}

/// How often the class with the largest goodness is correct, as a table.
fn by_goodness(goodness: &ByGoodness) -> String {
    let row = |name: String, Beside { trained, untrained }: Beside<f64>| {
        vec![name, percent(trained), percent(untrained), format!("{:+.1}", trained - untrained)]
    };
    let modules = goodness.modules.iter().enumerate();
    let mut rows: Vec<_> = modules.map(|(index, of)| row(format!("module {}", index + 1), *of)).collect();
    if goodness.modules.len() > 1 {
        rows.push(row("all but the first".to_owned(), goodness.together));
    }
    output::table(&["class by goodness", "%", "untrained %", "gain"].map(str::to_owned), &rows)
}

fn percent(value: f64) -> String {
    format!("{value:.1}")
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
        assert_eq!(heard[0], ("input for training".to_owned(), 0.0));
        assert_eq!(shares("features for training"), [0.0, 1.0 / 3.0, 2.0 / 3.0]);
        assert_eq!(shares("untrained features for testing"), [0.0, 0.5]);
        assert_eq!(shares("layer 4, features"), [0.5]);
        let all = heard.iter().filter(|(heard, _)| heard.starts_with("all layers together"));
        assert_eq!(all.count(), 2 * 5, "twice all batches");
    }

    #[test]
    fn the_fingerprint_of_earlier_builds_is_read() {
        let report = |key: &str| -> Report {
            serde_json::from_value(serde_json::json!({ "step": 1, "layers": [], key: "73af" })).unwrap()
        };
        assert_eq!(report("readout"), report("fingerprint"));
        assert_eq!(report("readout").fingerprint, "73af");
    }
}
