//! `plasticity verify`: compares updates with reference cases, or a config's rule with automatic differentiation.

use crate::exit::Exit;
use crate::options::{self, Overrides};
use crate::output;
use crate::threads::{start_default_threads, start_threads};
use plasticity_core::device::{Device, Precision};
use plasticity_core::{Error, Result};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::verify::autodiff::{self, Against};
use plasticity_lab::verify::{self, Comparison};
use serde::Serialize;
use std::path::PathBuf;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A config: the updates of its rule are compared with automatic differentiation of the rule's loss
    #[arg(required_unless_present = "reference")]
    config: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Reference cases: safetensors files, or folders of them, with a network and its expected gradients
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with_all = ["config", "set", "steps"])]
    reference: Vec<PathBuf>,
    /// Training steps after which a config's network is compared again
    #[arg(long, default_value_t = 20)]
    steps: u64,
    /// Precision of products; at a precision other than f32, errors are shown and not judged
    #[arg(long, default_value = "f32")]
    precision: Precision,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The comparisons of a file, or of a config's network, new or trained.
#[derive(Debug, Serialize)]
struct Report {
    what: String,
    passes: bool,
    tensors: Vec<Comparison>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Report {
    /// Lets any error pass, but not a missing tensor.
    fn unjudged(&mut self) {
        self.tensors.iter_mut().for_each(|tensor| tensor.tolerance = f64::INFINITY);
        self.passes = passes(&self.tensors);
    }
}

/// Compares, and fails if an error is above its limit.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let device = Device::open()?;
    let mut reports = match &arguments.config {
        Some(path) => {
            let mut config = Config::load(path, &arguments.overrides.set)?;
            config.training.precision = Some(arguments.precision);
            start_threads(&config)?;
            let experiment = options::open_or_draw(config)?;
            of_config(&experiment, arguments.steps, &device)?
        }
        None => {
            start_default_threads()?;
            device.set_precision(arguments.precision)?;
            of_files(&arguments.reference, &device)?
        }
    };
    if arguments.precision != Precision::F32 {
        reports.iter_mut().for_each(Report::unjudged);
    }
    if arguments.json {
        output::print(&output::json(&reports)?)?;
    } else {
        reports.iter().try_for_each(print)?;
    }
    let all = reports.iter().all(|report| report.passes);
    Ok(if all { Exit::Success } else { Exit::Failure })
}

fn of_config(experiment: &Experiment, steps: u64, device: &Device) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    for stage in autodiff::compare(experiment, steps, device)? {
        let what = format!("after {} steps of training", stage.steps);
        let note = match stage.against {
            Against::Autodiff => None,
            Against::Differences => Some(
                "the rule has a loss and no update of its own: automatic differentiation of the loss is compared \
                 with finite differences",
            ),
            Against::Nothing => Some("the rule has no loss, so there is nothing to compare its update with"),
        };
        let (tensors, note) = (stage.tensors, note.map(str::to_owned));
        reports.push(Report { what, passes: passes(&tensors), tensors, note });
    }
    Ok(reports)
}

fn of_files(files: &[PathBuf], device: &Device) -> Result<Vec<Report>> {
    let mut all = Vec::new();
    for file in files {
        if !file.is_dir() {
            all.push(file.clone());
            continue;
        }
        let entries = std::fs::read_dir(file).map_err(|error| Error::file(file, error))?;
        let mut found: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        found.retain(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
        found.sort();
        all.extend(found);
    }
    if all.is_empty() {
        return Err(Error::config("--reference", "there is no .safetensors file"));
    }
    all.into_iter()
        .map(|file| {
            let tensors = verify::reference(&file, device)?;
            Ok(Report { what: file.display().to_string(), passes: passes(&tensors), tensors, note: None })
        })
        .collect()
}

fn passes(tensors: &[Comparison]) -> bool {
    tensors.iter().all(Comparison::passes)
}

fn print(report: &Report) -> Result<()> {
    output::print(&format!("{} {}", if report.passes { "ok  " } else { "FAIL" }, report.what))?;
    for tensor in &report.tensors {
        let error = tensor.relative_error.map_or("missing".to_owned(), |error| format!("{error:.1e}"));
        output::print(&format!(
            "  {:<44} {error}{}",
            tensor.tensor,
            if tensor.passes() { "" } else { "  FAIL" }
        ))?;
    }
    if let Some(note) = &report.note {
        output::print(&format!("  {note}"))?;
    }
    Ok(())
}
