//! A checkpoint in its file, so that whatever is wrong with it names the file.

use super::difference::{UNKNOWN, difference};
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use plasticity_core::{Error, Result};
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
    /// Where it is of another: names what differs, the key where the run that the checkpoint lies in says so.
    pub fn check(&self, config: &Config) -> Result<()> {
        let Checkpoint { fingerprint, seed, .. } = &self.checkpoint;
        if *fingerprint == config.fingerprint()? {
            return Ok(());
        }
        let of_run = self.path.ancestors().nth(2).and_then(|run| super::config(run, &[]).ok());
        let own = of_run.filter(|own| own.fingerprint().is_ok_and(|own| own == *fingerprint));
        let known = own.map_or(Ok(None), |own| difference(&own, config))?;
        let differs = known.unwrap_or_else(|| match *seed == config.seed {
            true => UNKNOWN.to_owned(),
            false => format!("seed was {seed} and is {} here ({})", config.seed, config.place("seed")),
        });
        let message =
            format!("is of another run: {differs}; undo the change, or use or start a run of this config");
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
