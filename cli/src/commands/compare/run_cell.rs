//! One cell: checked before any cell is trained, then trained and probed, unless this is already done.

use super::probe::{self, Ended, Report};
use super::train::{self, Learned};
use crate::exit::Exit;
use plasticity_core::device::Device;
use plasticity_core::{Error, Result};
use plasticity_lab::config::{Config, Patience, Training};
use plasticity_lab::probe::plan;
use plasticity_lab::run::{self, Run};
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
    let (mut report, patience) = (None, config.training.patience);
    if run::is_run(folder) {
        let stored = run::config(folder, &[])?;
        if let Some(other) = other(&stored, &config, device)? {
            let message = format!("has a run {other}: choose another folder with --out, or undo the change");
            return Err(Error::file(folder, message));
        }
        report = earlier(folder, &config)?;
    } else {
        run::vacant(folder)?;
    }
    let (experiment, network) = train::prepare(config, device, 1)?;
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
    // Earlier builds did not record the end.
    let unrecorded = patience.is_some() && report.ended.is_none() && report.step == made;
    let finished = unrecorded || finished(&report, total, patience);
    Ok(if finished { Standing::Finished(report) } else { Standing::Unfinished(total - made) })
}

/// The difference between the run in a cell's folder and the cell: its stimuli, a key that changes what is learned, or
/// the weights from which training starts.
fn other(stored: &Config, config: &Config, device: &Device) -> Result<Option<String>> {
    if config.other_stimuli(stored)? {
        return Ok(Some("with other stimuli".to_owned()));
    }
    let (theirs, ours) = (&stored.training, &config.training);
    let precision = |of: &Training| of.precision.unwrap_or(device.default_precision());
    let differ = [
        ("training.init", theirs.init != ours.init),
        ("training.init_layers", theirs.init_layers != ours.init_layers),
        ("training.precision", precision(theirs) != precision(ours)),
    ];
    let start = || differ.into_iter().find(|(_, differs)| *differs).map(|(key, _)| key.to_owned());
    let key = run::difference(stored, config)?.or_else(start);
    Ok(key.map(|key| format!("of another config ({key})")))
}

/// Whether a report is that of the end of training: after all steps, or where this patience ended it.
fn finished(report: &Report, total: u64, patience: Option<Patience>) -> bool {
    report.step == total || patience.is_some_and(|patience| report.ended == Some(Ended::By(patience)))
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
    let (earlier, patience) = (earlier(folder, &config)?, config.training.patience);
    let (experiment, network) = train::prepare(config, device, 1)?;
    let total = run::total_steps(&experiment, &network)?;
    if let Some(report) = earlier.clone().filter(|report| finished(report, total, patience)) {
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
    let ended = patience.filter(|_| trainer.halted().is_some()).map(Ended::By);
    // A run that ended early keeps its report.
    let mut report = match earlier.filter(|report| report.step == step) {
        Some(report) => report,
        None => probe::report(&experiment, trainer.network_mut(), step, device)?,
    };
    report.ended = ended;
    probe::write(&report, folder)?;
    Ok(Cell::Done(report))
}
