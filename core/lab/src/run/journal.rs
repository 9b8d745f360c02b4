//! `metrics.jsonl` and similar files: one JSON object on each line, each with its step. Repeating a run gives the
//! same journal.

use super::folder::BEFORE;
use crate::files::{copy_aside, synchronise_folder_of, write_atomically};
use plasticity_core::{Error, Result, files};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The record of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Steps made, this one included.
    pub step: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// The loss of every module on this step's batch.
    pub loss: Vec<f32>,
    /// For every module, the share of compared pairs with H = 1 on this step's batch, from 0 to 1. Empty if a rule
    /// has no gate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surprise: Vec<f32>,
    /// Measures after the step, if layers are probed: `probe/layer_1/raw`, `dead/layer_1` (percent). In a free
    /// pipeline, also the number of batches from which each module has learned: `steps/module_1`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, f64>,
}

/// What an observer of the config measured after a step: a line of `measures.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Steps made, this one included.
    pub step: u64,
    /// The observer: its place in the config, from 1, and its `type`.
    pub observer: String,
    /// What was measured.
    pub name: String,
    /// The number; `None` if it is not finite.
    pub value: Option<f64>,
}

/// The part of a line that is needed to keep it.
#[derive(Deserialize)]
struct Line {
    step: u64,
}

pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the file to resume after `step`. Later records and an incomplete last line are dropped. Other lines that
    /// cannot be read are dropped with a warning, and the old file is kept. The old file is also kept if the run
    /// starts again because it has no checkpoint after step 0.
    pub(super) fn open(path: &Path, step: u64) -> Result<Self> {
        // The old file stays until the new one replaces it, so a run that is stopped in between loses no record.
        if path.exists() {
            let bytes =
                files::read(path).map_err(|error| Error::file(path, format!("cannot be read: {error}")))?;
            let whole = |line: &&[u8]| line.ends_with(b"\n");
            let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').filter(whole).collect();
            let of = |line: &[u8]| {
                let text = std::str::from_utf8(line).ok()?;
                serde_json::from_str::<Line>(text).ok().map(|line| line.step)
            };
            let kept = lines.iter().filter(|line| of(line).is_some_and(|of| of <= step));
            let kept: Vec<u8> = kept.copied().flatten().copied().collect();
            let unreadable = lines.iter().filter(|line| of(line).is_none()).count();
            if step == 0 && !lines.is_empty() {
                let aside = copy_aside(path, BEFORE)?;
                tracing::warn!(
                    "there is no checkpoint after step 0, so the run starts again; its {} earlier records are kept as {}",
                    lines.len(),
                    aside.display()
                );
            } else if unreadable > 0 {
                let aside = copy_aside(path, "broken")?;
                tracing::warn!(
                    "{}: {unreadable} of {} lines cannot be read and are dropped; the old file is kept as {}",
                    path.display(),
                    lines.len(),
                    aside.display()
                );
            }
            if kept != bytes {
                write_atomically(path, &kept)?;
            }
        }
        let made = !path.exists();
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| Error::file(path, format!("cannot be written: {error}")))?;
        if made {
            synchronise_folder_of(path);
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Warns where the records up to `step` end before it by more than one of every `every` steps, or than their own distance.
    pub(super) fn warn_of_missing(&self, step: u64, every: u64) -> Result<()> {
        if let Some(last) = ends_before(&self.path, step, every)? {
            tracing::warn!(
                "{}: its records end at step {last}, before the checkpoint of step {step}: those in between are lost",
                self.path.display()
            );
        }
        Ok(())
    }

    pub(super) fn write(&mut self, record: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(record).map_err(|error| Error::file(&self.path, error))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|error| Error::file(&self.path, error))
    }

    pub(super) fn synchronise(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|error| Error::file(&self.path, error))
    }
}

/// The last step that is recorded, where another should be before `step`.
fn ends_before(path: &Path, step: u64, every: u64) -> Result<Option<u64>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::file(path, format!("cannot be read: {error}")))?;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let steps: Vec<u64> = lines.map(|line| line.step).collect();
    let apart = steps.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or(0);
    let last = steps.last().copied().unwrap_or(0);
    Ok((last.saturating_add(apart.max(every)) <= step).then_some(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64) -> Record {
        Record { step, epoch: 0, loss: vec![0.1, 2.0], surprise: Vec::new(), measures: BTreeMap::new() }
    }

    fn steps(path: &Path) -> Vec<u64> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str::<Record>(line).unwrap().step).collect()
    }

    #[test]
    fn reopening_drops_later_records_and_a_line_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut metrics = Journal::open(&path, 0).unwrap();
        for step in [10, 20, 30] {
            metrics.write(&record(step)).unwrap();
        }
        metrics.file.write_all(b"{\"step\": 4").unwrap();
        drop(metrics);
        Journal::open(&path, 20).unwrap().write(&record(25)).unwrap();
        assert_eq!(steps(&path), [10, 20, 25]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was set aside");
    }

    #[test]
    fn lines_that_can_be_read_are_kept_beside_one_that_cannot() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut metrics = Journal::open(&path, 0).unwrap();
        metrics.file.write_all(b"X\"step\":1}\n").unwrap();
        (2..5).for_each(|step| metrics.write(&record(step)).unwrap());
        metrics.file.write_all(b"\xff\xfe\n").unwrap();
        metrics.write(&record(5)).unwrap();
        drop(metrics);
        let before = std::fs::read(&path).unwrap();
        Journal::open(&path, 5).unwrap();
        assert_eq!(steps(&path), [2, 3, 4, 5]);
        assert_eq!(std::fs::read(folder.path().join("metrics.jsonl.broken")).unwrap(), before);
    }

    /// JSON parsers pass over a value that nobody reads without a look at its bytes.
    #[test]
    fn a_line_with_a_byte_that_is_no_text_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("warnings.jsonl");
        let before = b"{\"step\":1}\n{\"step\":2,\"what\":\"dead/l\xe1yer_1\"}\n{\"step\":3}\n";
        std::fs::write(&path, before).unwrap();
        Journal::open(&path, 5).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"step\":1}\n{\"step\":3}\n");
        assert_eq!(std::fs::read(folder.path().join("warnings.jsonl.broken")).unwrap(), before);
    }

    #[test]
    fn records_that_end_before_the_checkpoint_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut metrics = Journal::open(&path, 40).unwrap();
        assert_eq!(ends_before(&path, 9, 10).unwrap(), None);
        assert_eq!(ends_before(&path, 10, 10).unwrap(), Some(0));
        [10, 20].iter().for_each(|&step| metrics.write(&record(step)).unwrap());
        assert_eq!(ends_before(&path, 29, 10).unwrap(), None);
        assert_eq!(ends_before(&path, 30, 10).unwrap(), Some(20));
        assert_eq!(ends_before(&path, 29, 1).unwrap(), None, "they were recorded every 10 steps");
    }

    #[test]
    fn records_of_a_run_that_starts_over_are_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        Journal::open(&path, 0).unwrap().write(&record(1)).unwrap();
        Journal::open(&path, 0).unwrap();
        assert!(steps(&path).is_empty());
        assert_eq!(steps(&folder.path().join("metrics.jsonl.before")), [1]);
    }
}
