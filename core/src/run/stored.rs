//! A checkpoint in its file, so that whatever is wrong with it names the file.

use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// A checkpoint and the file that it was read from.
#[derive(Debug)]
pub struct Stored {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub checkpoint: Checkpoint,
}

impl Stored {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn load(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned(), checkpoint: Checkpoint::load(path)? })
    }

    /// Refuses a checkpoint of another [`fingerprint`](Config::fingerprint) than the config's.
    ///
    /// # Errors
    /// Where it is of another.
    pub fn check(&self, config: &Config) -> Result<()> {
        let (theirs, ours) = (&self.checkpoint.fingerprint, config.fingerprint()?);
        if *theirs == ours {
            return Ok(());
        }
        let message = format!(
            "was made with another seed, encoder, rule, batch or optimiser (fingerprint {theirs}, the config's is \
             {ours}): undo the change, or start a new run"
        );
        Err(Error::file(&self.path, message))
    }

    /// Gives an error of restoring the checkpoint its file and a remedy; others stay as they are.
    pub fn locate(&self, error: Error) -> Error {
        match error {
            Error::Shape { place, message } if place == "checkpoint" => {
                let remedy =
                    "the stimuli may be others than it was trained on: undo the change, or start a new run";
                Error::file(&self.path, format!("{message} ({remedy})"))
            }
            other => other,
        }
    }
}
