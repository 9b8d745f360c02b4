//! A run is a folder: `config.toml` as resolved, `metrics.jsonl`, TensorBoard's events, and `checkpoints/`.

mod events;
mod metrics;
mod stored;
#[cfg(test)]
mod tests;
mod train;

pub use metrics::Record;
pub use stored::Stored;
pub use train::{Progress, train};

use crate::checkpoint::{Checkpoint, remove_partial, write_atomically};
use crate::config::Config;
use crate::error::{Error, Result};
use events::Events;
use metrics::Metrics;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// The resolved config of a run, in its folder.
pub const CONFIG: &str = "config.toml";

/// A run that this process writes to. No other process can while this one holds it.
///
/// Nothing of it changes before [`begin`](Self::begin), so that one that cannot go on stays as it is.
pub struct Run {
    folder: PathBuf,
    /// As TOML.
    config: String,
    keep: usize,
    from: Option<Stored>,
    /// The step that it goes on from.
    step: u64,
    records: Option<(Metrics, Events)>,
    _lock: File,
}

impl Run {
    /// Starts a run in a folder that holds none.
    ///
    /// # Errors
    /// Where the folder holds a run already, is in use, or cannot be written to.
    pub fn create(folder: &Path, config: &Config) -> Result<Self> {
        std::fs::create_dir_all(folder.join("checkpoints"))
            .map_err(|error| Error::file(folder, format!("cannot be made: {error}")))?;
        let lock = lock(folder)?;
        if folder.join(CONFIG).exists() {
            let remedy = format!("go on with it by --resume {}, or choose another folder", folder.display());
            return Err(Error::file(folder, format!("holds a run already: {remedy}")));
        }
        Self::new(folder, config, None, lock)
    }

    /// Goes on with a run from its last checkpoint.
    ///
    /// # Errors
    /// Where the folder holds no run, is in use, or its checkpoints are of another config or unreadable.
    pub fn resume(folder: &Path, config: &Config) -> Result<Self> {
        let lock = lock(folder)?;
        let from = last_checkpoint(folder)?;
        from.iter().try_for_each(|stored| stored.check(config))?;
        Self::new(folder, config, from, lock)
    }

    fn new(folder: &Path, config: &Config, from: Option<Stored>, lock: File) -> Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            config: config.to_toml()?,
            keep: config.training.keep,
            step: from.as_ref().map_or(0, |stored| stored.checkpoint.step),
            from,
            records: None,
            _lock: lock,
        })
    }

    /// Makes the folder that of a run by this config, once it is sure that the run can go on: writes the config, and drops
    /// what was recorded after the checkpoint that it goes on from. The first record or checkpoint does so too.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn begin(&mut self) -> Result<()> {
        self.records().map(drop)
    }

    fn records(&mut self) -> Result<&mut (Metrics, Events)> {
        let records = match self.records.take() {
            Some(records) => records,
            None => {
                write_atomically(&self.folder.join(CONFIG), self.config.as_bytes())?;
                remove_partial(&self.folder.join("checkpoints"))?;
                let metrics = Metrics::open(&self.folder.join("metrics.jsonl"), self.step)?;
                (metrics, Events::open(&self.folder, self.step)?)
            }
        };
        Ok(self.records.insert(records))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The checkpoint that the run goes on from, once.
    pub fn take_checkpoint(&mut self) -> Option<Stored> {
        self.from.take()
    }

    /// Records a step's losses.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn record(&mut self, record: &Record) -> Result<()> {
        let (metrics, events) = self.records()?;
        metrics.write(record)?;
        for (module, &loss) in record.loss.iter().enumerate() {
            events.scalar(&format!("loss/module_{}", module + 1), record.step, loss)?;
        }
        Ok(())
    }

    /// Writes a checkpoint, after everything recorded so far is on disk, and removes old ones.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let (metrics, events) = self.records()?;
        metrics.synchronise()?;
        events.flush()?;
        checkpoint.save(&checkpoint_path(&self.folder, checkpoint.step))?;
        for (_, path) in checkpoints(&self.folder)?.into_iter().rev().skip(self.keep) {
            std::fs::remove_file(&path).map_err(|error| Error::file(&path, error))?;
        }
        Ok(())
    }
}

/// Reads the config of the run in `folder`, with overrides.
///
/// # Errors
/// Where the folder holds no run.
pub fn config(folder: &Path, overrides: &[String]) -> Result<Config> {
    let path = folder.join(CONFIG);
    if !path.is_file() {
        return Err(Error::file(folder, format!("holds no run: there is no {CONFIG} in it")));
    }
    Config::load(&path, overrides)
}

/// Where a run has the checkpoint of a step.
pub fn checkpoint_path(folder: &Path, step: u64) -> PathBuf {
    folder.join("checkpoints").join(format!("step-{step}.safetensors"))
}

/// A run's checkpoints with their steps, first to last.
///
/// # Errors
/// Where the folder cannot be read.
pub fn checkpoints(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let folder = folder.join("checkpoints");
    let refused = |error: std::io::Error| Error::file(&folder, format!("cannot be read: {error}"));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let step = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok());
        found.extend(step.map(|step| (step, path)));
    }
    found.sort();
    Ok(found)
}

/// A run's last checkpoint that can be read, or `None` where it has none yet.
///
/// # Errors
/// Where it has some, and none can be read.
pub fn last_checkpoint(folder: &Path) -> Result<Option<Stored>> {
    let mut first_error = None;
    for (_, path) in checkpoints(folder)?.into_iter().rev() {
        match Stored::load(&path) {
            Ok(stored) => return Ok(Some(stored)),
            Err(error) => {
                tracing::warn!("{error}: trying the checkpoint before it");
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(None), Err)
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(".lock");
    let file = File::create(&path).map_err(|error| Error::file(&path, format!("cannot be made: {error}")))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = "is in use by another process: wait for it, or choose another folder";
            Err(Error::file(folder, message))
        }
        Err(TryLockError::Error(error)) => {
            tracing::warn!("{}: this file system has no locks ({error})", folder.display());
            Ok(file)
        }
    }
}
