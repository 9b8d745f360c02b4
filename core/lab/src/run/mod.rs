//! A run is a folder with the resolved `config.toml`, `origins.toml`, `metrics.jsonl`, TensorBoard's events,
//! `checkpoints/`, `sessions.jsonl`, and `measures.jsonl` if the config has observers.

mod best;
mod difference;
mod diverged;
mod events;
mod filters;
mod folder;
mod init;
mod journal;
mod observers;
mod origins;
mod session;
mod stored;
mod table;
#[cfg(test)]
mod tests;
mod train;
mod warnings;

pub use difference::difference;
pub use folder::{CONFIG, checkpoint_path, checkpoints, config, is_run, last_checkpoint, vacant};
pub use init::start_from_init;
pub use journal::{Measured, Record};
pub use observers::trivial_losses;
pub use stored::Stored;
pub use train::{fits_probe, fits_ranks, total_steps, train, train_among, trainer};
pub use warnings::Warning;

use crate::checkpoint::Checkpoint;
use crate::config::{BestBy, Config};
use crate::files::{
    copy_aside, make_folder, remove_partial, set_aside, synchronise_folder_of, write_atomically,
};
use best::Best;
use events::Events;
use filters::Image;
use folder::{BEFORE, CHECKPOINTS, LOCK, MEASURES, METRICS, SCORES, TABLE, WARNINGS};
use journal::Journal;
use plasticity_core::{Error, Result};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use warnings::Warnings;

/// A run that this process writes to. It excludes other processes.
///
/// It changes no file before [`begin`](Self::begin), so a run that cannot be resumed stays unchanged.
pub struct Run {
    folder: PathBuf,
    /// As TOML.
    config: String,
    /// Where each of its keys comes from.
    origins: BTreeMap<String, String>,
    keep: usize,
    /// Whether the records are also written as a table.
    table: bool,
    keep_best: usize,
    best_by: BestBy,
    /// Steps from one record to the next.
    log_every: u64,
    from: Option<Stored>,
    /// The step from which it resumes.
    step: u64,
    /// Whether that checkpoint has an early version, which does not contain the config.
    by_config: bool,
    records: Option<Records>,
    _lock: File,
}

/// The files that grow while a run trains.
struct Records {
    metrics: Journal,
    /// Made with the first measure.
    measures: Option<Journal>,
    events: Events,
    warnings: Warnings,
    /// The scores, if the best checkpoints are kept.
    best: Option<Best>,
}

impl Run {
    /// Starts a run in a folder without one.
    ///
    /// # Errors
    /// If the folder is not [`vacant`], is in use, or cannot be written to.
    pub fn create(folder: &Path, config: &Config) -> Result<Self> {
        vacant(folder)?;
        make_folder(folder)?;
        let lock = lock(folder)?;
        // Another process may have had a run here until now.
        vacant(folder)?;
        Self::new(folder, config, None, lock)
    }

    /// Makes a run with a first checkpoint, such as imported weights. The config is written after
    /// the checkpoint: if the program is killed in between, the folder is not a run that would train other weights.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_with(folder: &Path, config: &Config, first: &Checkpoint) -> Result<Self> {
        let mut run = Self::create(folder, config)?;
        make_folder(&folder.join(CHECKPOINTS))?;
        first.save(&checkpoint_path(folder, first.step))?;
        run.begin()?;
        Ok(run)
    }

    /// Resumes a run from its last checkpoint.
    ///
    /// # Errors
    /// If the folder is not a run or is in use, if its checkpoints belong to another config or cannot be read, or if
    /// the config starts from other weights.
    pub fn resume(folder: &Path, config: &Config) -> Result<Self> {
        folder::require(folder)?;
        let lock = lock(folder)?;
        let from = last_checkpoint(folder)?;
        if let Some(stored) = &from {
            stored.check(config)?;
            init::unchanged(folder, config)?;
        }
        Self::new(folder, config, from, lock)
    }

    fn new(folder: &Path, config: &Config, from: Option<Stored>, lock: File) -> Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            config: config.to_toml()?,
            origins: config.origins()?,
            keep: config.training.keep,
            table: config.training.metrics_csv,
            keep_best: config.training.keep_best,
            best_by: config.training.best_by,
            log_every: config.training.log_every,
            step: from.as_ref().map_or(0, |stored| stored.checkpoint.step),
            by_config: from.as_ref().is_some_and(|stored| stored.checkpoint.config.is_none()),
            from,
            records: None,
            _lock: lock,
        })
    }

    /// Prepares the folder once it is certain that the run can start or resume: writes the config, renames damaged
    /// checkpoints, drops records after the checkpoint, temporary files of killed processes, and checkpoints beyond
    /// those to keep, and writes the table of records. The first record or checkpoint also does this.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn begin(&mut self) -> Result<()> {
        self.records().map(drop)
    }

    fn records(&mut self) -> Result<&mut Records> {
        let records = match self.records.take() {
            Some(records) => records,
            None => {
                let config = self.folder.join(CONFIG);
                // A finished run is not changed if its command is given again.
                if std::fs::read(&config).ok().as_deref() != Some(self.config.as_bytes()) {
                    if self.by_config {
                        copy_aside(&config, BEFORE)?;
                    }
                    write_atomically(&config, self.config.as_bytes())?;
                }
                origins::write(&self.folder, std::mem::take(&mut self.origins))?;
                let checkpoints = self.folder.join(CHECKPOINTS);
                make_folder(&checkpoints)?;
                remove_partial(&self.folder)?;
                remove_partial(&checkpoints)?;
                self.set_broken_aside()?;
                let scores = self.folder.join(SCORES);
                let best = || Best::open(&scores, self.step, self.best_by);
                let best = (self.keep_best > 0).then(best).transpose()?;
                self.remove_old(self.step, best.as_ref())?;
                let metrics = Journal::open(&self.folder.join(METRICS), self.step)?;
                metrics.warn_of_missing(self.step, self.log_every)?;
                self.write_table()?;
                let measures = self.folder.join(MEASURES);
                let measures = measures.exists().then(|| Journal::open(&measures, self.step)).transpose()?;
                let warnings = Warnings::open(self.folder.join(WARNINGS), self.step)?;
                let events = Events::new(&self.folder, self.step);
                Records { metrics, measures, events, warnings, best }
            }
        };
        Ok(self.records.insert(records))
    }

    /// Checkpoints after the one from which the run resumes are damaged; otherwise it would resume from them.
    fn set_broken_aside(&self) -> Result<()> {
        for (_, path) in checkpoints(&self.folder)?.into_iter().filter(|(step, _)| *step > self.step) {
            let aside = set_aside(&path, "broken")?;
            tracing::warn!("{} is kept as {}", path.display(), aside.display());
        }
        Ok(())
    }

    /// Removes checkpoints beyond those to keep, but never the one of step `kept` or of step 0, the weights of the start.
    fn remove_old(&self, kept: u64, best: Option<&Best>) -> Result<()> {
        let kept = checkpoint_path(&self.folder, kept);
        let others = checkpoints(&self.folder)?.into_iter();
        let others = others.filter(|(step, path)| *step > 0 && *path != kept);
        let old: Vec<_> = others.rev().skip(self.keep.saturating_sub(1)).collect();
        let steps: Vec<u64> = old.iter().map(|(step, _)| *step).collect();
        let best = best.map_or_else(Vec::new, |best| best.of(self.keep_best, &steps));
        old.into_iter().filter(|(step, _)| !best.contains(step)).try_for_each(|(_, path)| remove(path))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The steps made before the run resumes; `None` if it starts.
    pub fn made(&self) -> Option<u64> {
        self.from.as_ref().map(|stored| stored.checkpoint.step)
    }

    /// Takes the checkpoint from which the run resumes.
    pub fn take_checkpoint(&mut self) -> Option<Stored> {
        self.from.take()
    }

    /// Records a step's losses.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn record(&mut self, record: &Record) -> Result<()> {
        self.records()?.metrics.write(record)
    }

    /// All that is recorded so far, first to last.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn history(&mut self) -> Result<Vec<Record>> {
        self.begin()?;
        self.recorded()
    }

    fn recorded(&self) -> Result<Vec<Record>> {
        let path = self.folder.join(METRICS);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Error::file(&path, format!("cannot be read: {error}")))?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Writes the records as a table, if the config asks for it and the file is not already this table.
    fn write_table(&self) -> Result<()> {
        if !self.table {
            return Ok(());
        }
        let (path, text) = (self.folder.join(TABLE), table::csv(&self.recorded()?));
        match std::fs::read(&path) {
            Ok(written) if written == text.as_bytes() => Ok(()),
            _ => write_atomically(&path, text.as_bytes()),
        }
    }

    /// Prints a warning and saves it in `warnings.jsonl`, unless the run already had one about the same thing.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn warn(&mut self, warning: &Warning) -> Result<()> {
        self.records()?.warnings.say(warning)
    }

    /// Saves what an observer of the config measured.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn measured(&mut self, measured: &Measured) -> Result<()> {
        let (path, step) = (self.folder.join(MEASURES), self.step);
        let measures = &mut self.records()?.measures;
        let journal = match measures.take() {
            Some(journal) => journal,
            None => Journal::open(&path, step)?,
        };
        measures.insert(journal).write(measured)
    }

    /// Adds a number to TensorBoard's events.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f32) -> Result<()> {
        self.records()?.events.scalar(tag, step, value)
    }

    /// Adds an image to TensorBoard's events.
    fn image(&mut self, tag: &str, step: u64, image: &Image) -> Result<()> {
        self.records()?.events.image(tag, step, image)
    }

    /// Records the score of the next checkpoint; higher is better. Does nothing if the config keeps no best
    /// checkpoints.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn score(&mut self, step: u64, score: f64) -> Result<()> {
        self.records()?.best.as_mut().map_or(Ok(()), |best| best.add(step, score))
    }

    /// Writes a checkpoint, after everything recorded so far is on disk, and removes old ones, never this one.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let Records { metrics, measures, events, warnings, .. } = self.records()?;
        metrics.synchronise()?;
        measures.iter_mut().try_for_each(Journal::synchronise)?;
        events.synchronise()?;
        warnings.synchronise()?;
        self.write_table()?;
        checkpoint.save(&checkpoint_path(&self.folder, checkpoint.step))?;
        let best = self.records.as_ref().and_then(|records| records.best.as_ref());
        self.remove_old(checkpoint.step, best)
    }
}

fn remove(file: PathBuf) -> Result<()> {
    std::fs::remove_file(&file).map_err(|error| Error::file(&file, format!("cannot be removed: {error}")))
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let file = File::create(&path).map_err(|error| Error::file(&path, format!("cannot be made: {error}")))?;
    // A config without the lock or a checkpoint is not a run. So the lock is on disk before the config.
    synchronise_folder_of(&path);
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = "is in use by another process: wait for it, or choose another folder";
            Err(Error::file(folder, message))
        }
        Err(TryLockError::Error(error)) => {
            tracing::warn!("{}: this file system does not support locks ({error})", folder.display());
            Ok(file)
        }
    }
}
