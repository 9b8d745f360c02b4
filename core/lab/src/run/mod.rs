//! A run is a folder: `config.toml` as resolved, `metrics.jsonl`, TensorBoard's events, and `checkpoints/`.

mod difference;
mod events;
mod folder;
mod metrics;
mod stored;
#[cfg(test)]
mod tests;
mod train;

pub use difference::difference;
pub use folder::{CONFIG, checkpoint_path, checkpoints, config, is_run, last_checkpoint, vacant};
pub use metrics::Record;
pub use stored::Stored;
pub use train::{Progress, total_steps, train};

use crate::checkpoint::{Checkpoint, remove_partial, write_atomically};
use crate::config::Config;
use events::Events;
use folder::{CHECKPOINTS, LOCK, METRICS};
use metrics::Metrics;
use plasticity_core::{Error, Result};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

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
    /// Where the folder is not [`vacant`], is in use, or cannot be written to.
    pub fn create(folder: &Path, config: &Config) -> Result<Self> {
        vacant(folder)?;
        make(folder)?;
        let lock = lock(folder)?;
        // Another process may have had a run here until now.
        vacant(folder)?;
        Self::new(folder, config, None, lock)
    }

    /// Goes on with a run from its last checkpoint.
    ///
    /// # Errors
    /// Where the folder holds no run, is in use, or its checkpoints are of another config or unreadable.
    pub fn resume(folder: &Path, config: &Config) -> Result<Self> {
        folder::require(folder)?;
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
    /// what was recorded or saved after the checkpoint that it goes on from. The first record or checkpoint does so too.
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
                let config = self.folder.join(CONFIG);
                // A run that is done is not written to by being gone over.
                if std::fs::read(&config).ok().as_deref() != Some(self.config.as_bytes()) {
                    write_atomically(&config, self.config.as_bytes())?;
                }
                let checkpoints = self.folder.join(CHECKPOINTS);
                make(&checkpoints)?;
                remove_partial(&checkpoints)?;
                let later =
                    folder::checkpoints(&self.folder)?.into_iter().filter(|(step, _)| *step > self.step);
                later.map(|(_, path)| path).try_for_each(remove)?;
                let metrics = Metrics::open(&self.folder.join(METRICS), self.step)?;
                (metrics, Events::new(&self.folder, self.step))
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

    /// Writes a checkpoint, after everything recorded so far is on disk, and removes old ones, never this one.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let (metrics, events) = self.records()?;
        metrics.synchronise()?;
        events.flush()?;
        let written = checkpoint_path(&self.folder, checkpoint.step);
        checkpoint.save(&written)?;
        let others =
            checkpoints(&self.folder)?.into_iter().map(|(_, path)| path).filter(|path| *path != written);
        others.rev().skip(self.keep.saturating_sub(1)).try_for_each(remove)
    }
}

fn remove(file: PathBuf) -> Result<()> {
    std::fs::remove_file(&file).map_err(|error| Error::file(&file, format!("cannot be removed: {error}")))
}

fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, format!("cannot be made: {error}")))
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
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
