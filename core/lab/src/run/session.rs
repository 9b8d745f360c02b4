//! `sessions.jsonl`: a line for every process that trained the run, with its program and machine.
//! The program never reads it.

use super::Run;
use crate::files::write_atomically;
use crate::provenance::Provenance;
use plasticity_core::{Error, Result};
use serde::Serialize;
use std::io::ErrorKind;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Serialize)]
struct Session<'a> {
    /// Steps made before.
    from: u64,
    #[serde(flatten)]
    provenance: &'a Provenance,
    /// The differences from the conditions in which the checkpoint was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<&'a str>,
    command: Vec<String>,
    /// Seconds since 1970.
    time: u64,
}

impl Run {
    /// Adds this process to the run's sessions.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub(super) fn enter(&self, provenance: &Provenance, changed: Option<&str>) -> Result<()> {
        let path = self.folder.join(super::folder::SESSIONS);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let session = Session {
            from: self.step,
            provenance,
            changed,
            command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
            time: since.as_secs(),
        };
        let line = serde_json::to_string(&session).map_err(|error| Error::file(&path, error))?;
        let before = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|error| Error::file(&path, format!("cannot be read: {error}")))?,
        };
        // A line that is cut short would take this one with it.
        let whole = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        write_atomically(&path, &[&before[..whole], line.as_bytes(), b"\n"].concat())
    }
}
