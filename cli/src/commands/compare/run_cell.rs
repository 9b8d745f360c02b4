//! One cell: checked before any cell is trained, then trained and probed, unless this is already done.

use super::probe;
use super::train::{self, Learned};
use crate::exit::Exit;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use plasticity_lab::config::Config;
use plasticity_lab::probe::plan;
use plasticity_lab::run::{self, Run};
use probe::Report;
use std::path::Path;

/// The state of a cell.
pub enum Standing {
    /// It is trained and probed.
    Finished(Report),
    /// It still needs this many steps of training, and a probe.
    Unfinished(u64),
}

/// Checks a cell's folder, stimuli, network and probe. A probed cell no longer needs the stimuli of
/// the probe. A finished cell needs no checkpoint: its config and its report are enough.
pub fn check(config: Config, folder: &Path, device: &Device) -> Result<Standing> {
    let (mut report, patient) = (None, config.training.patience.is_some());
    if run::is_run(folder) {
        let stored = run::config(folder, &[])?;
        let other = match config.other_stimuli(&stored)? {
            true => Some("with other stimuli".to_owned()),
            false => run::difference(&stored, &config)?.map(|key| format!("of another config ({key})")),
        };
        if let Some(other) = other {
            let message = format!("has a run {other}: choose another folder with --out, or undo the change");
            return Err(Error::file(folder, message));
        }
        report = earlier(folder, &config)?;
    } else {
        run::vacant(folder)?;
    }
    let (experiment, network) = train::prepare(config, device)?;
    let total = run::total_steps(&experiment, &network)?;
    let made = run::checkpoints(folder)?.last().map_or(0, |(step, _)| *step);
    if made > total {
        let message = format!(
            "has a run of {made} steps, more than the {total} of the config: choose another folder with --out, \
             or raise training.epochs or training.steps"
        );
        return Err(Error::file(folder, message));
    }
    let Some(report) = report else {
        plan(&experiment, &network)?;
        return Ok(Standing::Unfinished(total - made));
    };
    let finished = report.step == total || (patient && report.step == made);
    Ok(if finished { Standing::Finished(report) } else { Standing::Unfinished(total - made) })
}

/// The report in a folder, if the config would be probed in the same way.
fn earlier(folder: &Path, config: &Config) -> Result<Option<Report>> {
    let bytes = std::fs::read(folder.join("probe.json")).ok();
    let report: Option<Report> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let fingerprint = config.probe_fingerprint()?;
    Ok(report.filter(|report| report.fingerprint == fingerprint))
}

/// The outcome of a cell.
pub enum Cell {
    /// It was probed.
    Done(Report),
    /// A signal stopped its training; the program ends with this status.
    Stopped(Exit),
}

/// Trains a cell from its present step and probes it. A finished cell is not changed.
pub fn run_cell(config: Config, folder: &Path, device: &Device) -> Result<Cell> {
    let earlier = earlier(folder, &config)?;
    let (experiment, network) = train::prepare(config, device)?;
    let total = run::total_steps(&experiment, &network)?;
    if let Some(report) = earlier.clone().filter(|report| report.step == total) {
        return Ok(Cell::Done(report));
    }
    let mut run = if run::is_run(folder) {
        Run::resume(folder, experiment.config())?
    } else {
        Run::create(folder, experiment.config())?
    };
    let mut trainer = match train::learn(&experiment, network, &mut run)? {
        Learned::All(trainer) => trainer,
        Learned::Stopped(exit) => return Ok(Cell::Stopped(exit)),
    };
    let step = trainer.steps();
    // A run that ended early keeps its report.
    if let Some(report) = earlier.filter(|report| report.step == step) {
        return Ok(Cell::Done(report));
    }
    let report = probe::report(&experiment, trainer.network_mut(), step, device)?;
    probe::write(&report, folder)?;
    Ok(Cell::Done(report))
}
