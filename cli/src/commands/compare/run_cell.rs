//! One cell: checked before any cell is trained, then trained and probed, unless this is already done.

use super::probe::{self, Ended, Report};
use super::train::{self, Learned};
use crate::exit::Exit;
use plasticity_core::device::Device;
use plasticity_core::plasticity::Site;
use plasticity_core::random::stream;
use plasticity_core::representation::RepresentationShape;
use plasticity_core::{Error, Result};
use plasticity_lab::config::{Config, Patience, Training};
use plasticity_lab::probe::plan;
use plasticity_lab::run::{self, Run};
use std::path::Path;

/// Checks a cell's folder, stimuli, network and probe. A probed cell no longer needs the stimuli of
/// the probe. A finished cell needs no checkpoint: its config and its report are enough. Where they also tell that
/// training has ended, it needs no stimuli. Returns the steps that the cell still needs.
pub fn check(config: Config, folder: &Path, device: &Device) -> Result<u64> {
    let patience = config.training.patience;
    let (stored, report) = match stored(&config, folder, device)? {
        Some(stored) => (Some(stored), earlier(folder, &config)?),
        None => (None, None),
    };
    if let (Some(stored), Some(report)) = (&stored, &report)
        && has_ended(report, stored, &config, device)
    {
        return Ok(0);
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
    if let Some(stored) = &stored
        && let Some(other) = train::other_rates(stored, &experiment, &network, made)?
    {
        return Err(refuse(folder, &other));
    }
    let Some(report) = report else {
        plan(&experiment, &network)?;
        return Ok(total - made);
    };
    // Earlier builds did not record the end.
    let unrecorded = patience.is_some() && report.ended.is_none() && report.step == made;
    let finished = unrecorded || finished(&report, total, patience);
    Ok(if finished { 0 } else { total - made })
}

/// The report of a finished cell; `None` if the cell is not finished. Opens no stimuli, so it cannot count the steps of
/// an epoch: it takes a report as that of the end if the run has the config's epochs and steps, no later checkpoint,
/// and nothing that tells of an earlier end.
///
/// # Errors
/// As [`check`], for a folder with another run.
pub fn seen(config: &Config, folder: &Path, device: &Device) -> Result<Option<Report>> {
    let Some(stored) = stored(config, folder, device)? else { return Ok(None) };
    let Some(report) = earlier(folder, config)? else { return Ok(None) };
    let made = run::checkpoints(folder)?.last().map_or(0, |(step, _)| *step);
    let training = &config.training;
    let of_whole_epochs = report.step.is_multiple_of(training.epochs);
    let early = training.turns.is_some() || (training.patience.is_some() && report.step == made);
    let whole = report.step > 0
        && made <= report.step
        && report.ended.is_none()
        && as_long(&stored, config)
        && (of_whole_epochs || early);
    Ok((whole || has_ended(&report, &stored, config, device)).then_some(report))
}

/// The config of the run in a cell's folder, if there is a run.
///
/// # Errors
/// If it is the run of another config, or the folder has other files.
fn stored(config: &Config, folder: &Path, device: &Device) -> Result<Option<Config>> {
    if !run::is_run(folder) {
        return run::vacant(folder).map(|()| None);
    }
    let stored = run::config(folder, &[])?;
    match other(&stored, config, device)? {
        Some(other) => Err(refuse(folder, &other)),
        None => Ok(Some(stored)),
    }
}

fn refuse(folder: &Path, other: &str) -> Error {
    let message = format!("has a run {other}: choose another folder with --out, or undo the change");
    Error::file(folder, message)
}

/// Whether a report of the run with the config `stored` is certain to be that of the end of training, without a look at
/// the stimuli: after `training.steps`, by patience, or without steps if the rule does not learn.
fn has_ended(report: &Report, stored: &Config, config: &Config, device: &Device) -> bool {
    let training = &config.training;
    let by_patience = |patience| report.ended == Some(Ended::By(patience));
    match report.step {
        0 => never_learns(config, device),
        step => {
            as_long(stored, config)
                && (training.steps == Some(step) || training.patience.is_some_and(by_patience))
        }
    }
}

/// Whether two configs with the same keys of learning give the same number of steps on the same stimuli.
fn as_long(stored: &Config, config: &Config) -> bool {
    let [theirs, ours] = [stored, config].map(|config| (config.training.epochs, config.training.steps));
    theirs == ours
}

/// Whether the rule changes no weights. One that cannot be built on a smallest representation counts as learning.
fn never_learns(config: &Config, device: &Device) -> bool {
    let shape = RepresentationShape { time: 1, location: 1, batch: 1, channel: 1 };
    let rule = config.rule.build(&Site::new(device, shape), &mut stream(config.seed, &[]));
    rule.is_ok_and(|rule| !rule.learns())
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
    let (mut earlier, patience) = (earlier(folder, &config)?, config.training.patience);
    if let Some(report) = &earlier
        && run::is_run(folder)
        && has_ended(report, &run::config(folder, &[])?, &config, device)
    {
        return Ok(Cell::Done(report.clone()));
    }
    let (experiment, network) = train::prepare(config, device, 1)?;
    let total = run::total_steps(&experiment, &network)?;
    if let Some(report) = earlier.clone().filter(|report| finished(report, total, patience)) {
        return Ok(Cell::Done(report));
    }
    let mut run = if run::is_run(folder) {
        Run::resume(folder, experiment.config())?
    } else {
        experiment.check_schedule()?;
        Run::create(folder, experiment.config())?
    };
    // Until this training ends, the report of a shorter one is not that of the end.
    if let Some(report) = earlier.as_mut().filter(|report| report.ended.is_none()) {
        report.ended = Some(Ended::Open);
        probe::write(report, folder)?;
    }
    let mut trainer = match train::learn(&experiment, network, &mut run)? {
        Learned::All(trainer) => trainer,
        Learned::Stopped(exit) => return Ok(Cell::Stopped(exit)),
    };
    let step = trainer.steps();
    let by_patience = patience.filter(|_| trainer.halted().is_some()).map(Ended::By);
    let ended = by_patience.or((step < total).then_some(Ended::Open));
    // A run that ended early keeps its report.
    let mut report = match earlier.filter(|report| report.step == step) {
        Some(report) => report,
        None => probe::report(&experiment, trainer.network_mut(), step, device)?,
    };
    report.ended = ended;
    probe::write(&report, folder)?;
    Ok(Cell::Done(report))
}
