//! `metrics.jsonl`: one JSON object a recorded step. It holds nothing that differs from one run to the same again.

use crate::checkpoint::write_atomically;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What is recorded of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Steps made, this one included.
    pub step: u64,
    /// The pass over the stimuli, from 0.
    pub epoch: u64,
    /// The loss of every module on this step's batch.
    pub loss: Vec<f32>,
}

pub(super) struct Metrics {
    path: PathBuf,
    file: File,
}

impl Metrics {
    /// Opens the file to go on after `step`: later records, and a line cut short, are dropped.
    pub(super) fn open(path: &Path, step: u64) -> Result<Self> {
        if path.exists() {
            let bytes =
                std::fs::read(path).map_err(|error| Error::file(path, format!("cannot be read: {error}")))?;
            let kept: String = String::from_utf8_lossy(&bytes)
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
                .take_while(|line| serde_json::from_str::<Record>(line).is_ok_and(|r| r.step <= step))
                .collect();
            if kept.len() < bytes.len() {
                write_atomically(path, kept.as_bytes())?;
            }
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| Error::file(path, format!("cannot be written: {error}")))?;
        Ok(Self { path: path.to_owned(), file })
    }

    pub(super) fn write(&mut self, record: &Record) -> Result<()> {
        let mut line = serde_json::to_vec(record).map_err(|error| Error::file(&self.path, error))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|error| Error::file(&self.path, error))
    }

    pub(super) fn synchronise(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|error| Error::file(&self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reopening_drops_later_records_and_a_line_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let record = |step| Record { step, epoch: 0, loss: vec![0.1, 2.0] };
        let mut metrics = Metrics::open(&path, 0).unwrap();
        for step in [10, 20, 30] {
            metrics.write(&record(step)).unwrap();
        }
        metrics.file.write_all(b"{\"step\": 4").unwrap();
        drop(metrics);
        Metrics::open(&path, 20).unwrap().write(&record(25)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let steps: Vec<u64> =
            text.lines().map(|line| serde_json::from_str::<Record>(line).unwrap().step).collect();
        assert_eq!(steps, [10, 20, 25]);
    }
}
