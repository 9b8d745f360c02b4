//! The files in a run's folder, and whether a folder is a run.

use super::Stored;
use crate::checkpoint::Unusable;
use crate::config::Config;
use crate::files::quoted;
use plasticity_core::{Error, Result};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The resolved config of a run, in its folder.
pub const CONFIG: &str = "config.toml";
/// The suffix of a file that was replaced when a run was resumed.
pub(super) const BEFORE: &str = "before";
pub(super) const CHECKPOINTS: &str = "checkpoints";
pub(super) const LOCK: &str = ".lock";
pub(super) const METRICS: &str = "metrics.jsonl";
/// Where each key of the config comes from.
pub(super) const ORIGINS: &str = "origins.toml";
pub(super) const MEASURES: &str = "measures.jsonl";
/// The records as a table.
pub(super) const TABLE: &str = "metrics.csv";
pub(super) const WARNINGS: &str = "warnings.jsonl";
pub(super) const SCORES: &str = "scores.jsonl";
pub(super) const SESSIONS: &str = "sessions.jsonl";

/// Whether a folder is a run: it has a config, and a checkpoint or the lock that a run makes before its first
/// checkpoint.
pub fn is_run(folder: &Path) -> bool {
    let checkpoint = || checkpoints(folder).is_ok_and(|found| !found.is_empty());
    folder.join(CONFIG).is_file() && (folder.join(LOCK).is_file() || checkpoint())
}

/// Refuses a folder that is not a run.
pub(super) fn require(folder: &Path) -> Result<()> {
    if is_run(folder) {
        return Ok(());
    }
    let lacks = match folder.join(CONFIG).is_file() {
        true => format!("it has a {CONFIG}, but no checkpoint and no {LOCK}"),
        false => format!("it has no {CONFIG}"),
    };
    Err(Error::file(folder, format!("is not a run: {lacks}")))
}

/// Refuses a folder in which a new run would overwrite something.
///
/// # Errors
/// If it is a run, or has files with names of a run's files.
pub fn vacant(folder: &Path) -> Result<()> {
    if is_run(folder) {
        let remedy = format!("resume it with --resume {}, or choose another folder", quoted(folder));
        return Err(Error::file(folder, format!("already has a run: {remedy}")));
    }
    let records = [METRICS, TABLE, MEASURES, WARNINGS, SCORES, SESSIONS];
    let named = [CONFIG, ORIGINS, "probe.json", "alignment.json"].into_iter().chain(records);
    let named = named.map(|name| folder.join(name));
    let left = checkpoints(folder)?.into_iter().map(|(_, path)| path);
    match named.filter(|path| path.exists()).chain(left).next() {
        Some(path) => {
            let message =
                "belongs to no run, but a new run would overwrite it: choose another folder, or move it away";
            Err(Error::file(path, message))
        }
        None => Ok(()),
    }
}

/// Reads the config of the run in `folder`, with overrides.
///
/// # Errors
/// If the folder holds no run.
pub fn config(folder: &Path, overrides: &[String]) -> Result<Config> {
    require(folder)?;
    Config::load(&folder.join(CONFIG), overrides)
}

/// The path of the checkpoint of a step.
pub fn checkpoint_path(folder: &Path, step: u64) -> PathBuf {
    folder.join(CHECKPOINTS).join(format!("step-{step}.safetensors"))
}

/// A run's checkpoints with their steps, first to last.
///
/// # Errors
/// If the folder cannot be read.
pub fn checkpoints(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let folder = folder.join(CHECKPOINTS);
    let refused = |error: std::io::Error| Error::file(&folder, format!("cannot be read: {error}"));
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(refused)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(refused)?.path();
        found.extend(step_of(&path).map(|step| (step, path)));
    }
    found.sort();
    Ok(found)
}

/// The step in the name of a checkpoint's file.
pub(super) fn step_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()
}

/// A run's last intact checkpoint, or `None` if it has none yet. Later damaged ones are skipped with a warning.
///
/// # Errors
/// If the last undamaged one cannot be read or has a later version, or if all are damaged.
pub fn last_checkpoint(folder: &Path) -> Result<Option<Stored>> {
    let mut first_error = None;
    for (_, path) in checkpoints(folder)?.into_iter().rev() {
        match Stored::read(&path) {
            Ok(stored) => return Ok(Some(stored)),
            Err(Unusable::Refused(error)) => return Err(error),
            Err(Unusable::Broken(error)) => {
                tracing::warn!("{error}: using the checkpoint before it");
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(None), Err)
}
