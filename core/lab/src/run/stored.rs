//! A checkpoint with its file, so that every error about it names the file.

use super::difference::{UNKNOWN, difference};
use super::folder::{BEFORE, CONFIG, step_of};
use crate::checkpoint::{Checkpoint, Unusable};
use crate::config::{Config, fingerprint_as_written};
use plasticity_core::{Error, Result};
use std::path::{Path, PathBuf};
use toml::Table;

/// A checkpoint and the file that it was read from.
#[derive(Debug)]
pub struct Stored {
    /// The file.
    pub path: PathBuf,
    /// The checkpoint in the file.
    pub checkpoint: Checkpoint,
}

impl Stored {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn load(path: &Path) -> Result<Self> {
        Ok(Self::read(path)?)
    }

    /// Reads a file, and distinguishes a damaged file from one that cannot be read now.
    ///
    /// # Errors
    /// As [`Checkpoint::read`]. A checkpoint whose step is not the one in the name of its file counts as damaged.
    pub fn read(path: &Path) -> Result<Self, Unusable> {
        let checkpoint = Checkpoint::read(path)?;
        if let Some(named) = step_of(path).filter(|named| *named != checkpoint.step) {
            let message =
                format!("is damaged: it belongs to step {}, but its name says step {named}", checkpoint.step);
            return Err(Unusable::Broken(Error::file(path, message)));
        }
        Ok(Self { path: path.to_owned(), checkpoint })
    }

    /// Refuses a checkpoint whose [`fingerprint`](Config::fingerprint) is not the config's. Keys that are missing in
    /// an old checkpoint count with their defaults.
    ///
    /// # Errors
    /// If the fingerprints differ. The error names the first different key, if the checkpoint or its run has the keys.
    pub fn check(&self, config: &Config) -> Result<()> {
        let Checkpoint { fingerprint, seed, .. } = &self.checkpoint;
        if *fingerprint == config.fingerprint()? {
            return Ok(());
        }
        let differs = match self.learned_by(config) {
            Some(theirs) => difference(&theirs, config)?,
            None if *seed == config.seed => Some(UNKNOWN.to_owned()),
            None => Some(format!("seed was {seed} and is {} here ({})", config.seed, config.place("seed"))),
        };
        let Some(differs) = differs else { return Ok(()) };
        let message = format!(
            "belongs to another run: {differs}; undo the change, or use or start a run with this config"
        );
        Err(Error::file(&self.path, message))
    }

    /// `config` with the learning keys of the checkpoint. They come from the checkpoint itself or, for an earlier
    /// version, from the config of its run. `None` if neither can be read.
    fn learned_by(&self, config: &Config) -> Option<Config> {
        let keys: Table = match &self.checkpoint.config {
            Some(own) => own.parse().ok()?,
            None => {
                let folder = self.path.ancestors().nth(2)?;
                let names = [CONFIG.to_owned(), format!("{CONFIG}.{BEFORE}")];
                let written = names.iter().find_map(|name| {
                    let table: Table = std::fs::read_to_string(folder.join(name)).ok()?.parse().ok()?;
                    (fingerprint_as_written(table.clone()) == self.checkpoint.fingerprint).then_some(table)
                });
                crate::config::learning_keys(written?)
            }
        };
        config.with_learning_keys(&keys).ok()
    }

    /// Adds the file and a remedy to an error of restoring the checkpoint; other errors do not change.
    pub fn locate(&self, error: Error) -> Error {
        match error {
            Error::Shape { place, message } if place == "checkpoint" => {
                let remedy =
                    "the stimuli may differ from those of its training: undo the change, or start a new run";
                Error::file(&self.path, format!("{message} ({remedy})"))
            }
            other => other,
        }
    }
}
