//! `warnings.jsonl`: faults that may spoil a run without stopping it. Each warning appears once in a run.

use super::journal::Journal;
use plasticity_core::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A line of `warnings.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Steps made when it was found.
    pub step: u64,
    /// The name of the warning: `dead/layer_3`, `loss/module_1`.
    pub what: String,
    /// The observation and a possible remedy.
    pub message: String,
}

/// The warnings of a run.
pub(super) struct Warnings {
    path: PathBuf,
    step: u64,
    said: BTreeSet<String>,
    /// Made with the first warning.
    journal: Option<Journal>,
}

impl Warnings {
    /// The warnings of a run that resumes after `step`: earlier warnings are not repeated.
    pub(super) fn open(path: PathBuf, step: u64) -> Result<Self> {
        let journal = path.exists().then(|| Journal::open(&path, step)).transpose()?;
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Warning>(line).ok());
        let said = lines.map(|warning| warning.what).collect();
        Ok(Self { path, step, said, journal })
    }

    /// Prints and saves a warning, unless there was one with the same name.
    pub(super) fn say(&mut self, warning: &Warning) -> Result<()> {
        if !self.said.insert(warning.what.clone()) {
            return Ok(());
        }
        tracing::warn!("step {}: {}", warning.step, warning.message);
        let journal = match self.journal.take() {
            Some(journal) => journal,
            None => Journal::open(&self.path, self.step)?,
        };
        self.journal.insert(journal).write(warning)
    }

    pub(super) fn synchronise(&mut self) -> Result<()> {
        self.journal.iter_mut().try_for_each(Journal::synchronise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::folder::WARNINGS;

    fn warning(step: u64, what: &str) -> Warning {
        Warning { step, what: what.to_owned(), message: format!("{what} is lost") }
    }

    #[test]
    fn each_is_said_once_and_one_after_the_checkpoint_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(WARNINGS);
        let mut first = Warnings::open(path.clone(), 0).unwrap();
        for one in [warning(3, "dead/layer_1"), warning(4, "dead/layer_1"), warning(9, "loss/module_2")] {
            first.say(&one).unwrap();
        }
        drop(first);
        let mut resumed = Warnings::open(path.clone(), 5).unwrap();
        resumed.say(&warning(8, "dead/layer_1")).unwrap();
        resumed.say(&warning(10, "loss/module_2")).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<Warning> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, [warning(3, "dead/layer_1"), warning(10, "loss/module_2")]);
    }
}
