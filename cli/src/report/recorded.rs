//! The records that a run keeps of its training: losses, surprise, norms and the probe.

use crate::commands::probe::Report as Probe;
use plasticity_core::{Error, Result};
use plasticity_lab::run::{Measured, Record};
use serde::de::DeserializeOwned;
use std::io::ErrorKind;
use std::path::Path;

/// The records of a run. A missing file gives no records.
#[derive(Debug, Default)]
pub struct Recorded {
    /// `metrics.jsonl`.
    pub metrics: Vec<Record>,
    /// `measures.jsonl`.
    pub measures: Vec<Measured>,
    /// `probe.json`.
    pub probe: Option<Probe>,
}

impl Recorded {
    /// Reads a run's folder. Lines that cannot be read are skipped, because a run in training may be writing
    /// the last line.
    ///
    /// # Errors
    /// If a file exists but cannot be read.
    pub fn read(folder: &Path) -> Result<Self> {
        let probe = text(&folder.join("probe.json"))?;
        Ok(Self {
            metrics: lines(&folder.join("metrics.jsonl"))?,
            measures: lines(&folder.join("measures.jsonl"))?,
            probe: probe.and_then(|text| serde_json::from_str(&text).ok()),
        })
    }
}

fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = text(path)?.unwrap_or_default();
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn text(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file(path, format!("cannot be read: {error}"))),
    }
}
