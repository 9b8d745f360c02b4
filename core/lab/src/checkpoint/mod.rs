//! Checkpoints: everything in a network that changes with training, in one safetensors file.
//!
//! Tensors are in their public layout, under the names of [`State`]. The metadata key `plasticity` is JSON: format,
//! step, seed, the config's fingerprint, the optimisers' steps, the config's keys that affect learning, the
//! [`Provenance`] and a checksum over all of these and the tensors. Files of earlier versions do not have the last
//! three. Random states and the position in the stimuli are not saved: both follow from the seed and the step.

mod read;
#[cfg(test)]
mod tests;

pub use read::Unusable;

use crate::files::write_atomically;
use crate::network::{Saved, State};
use crate::provenance::Provenance;
use plasticity_core::{Error, Result};
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;

/// The version of the format that this crate writes.
const FORMAT: u32 = 1;
/// What names of the optimisers' averages begin with.
const AVERAGES: &str = "optimiser.";
/// The metadata key.
const KEY: &str = "plasticity";

/// A network's state after some steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Parameters and running averages.
    pub state: State,
    /// Steps made.
    pub step: u64,
    /// The run's seed.
    pub seed: u64,
    /// The fingerprint of the config: [`Config::fingerprint`](crate::config::Config::fingerprint).
    pub fingerprint: String,
    /// The config's [`learning_keys`](crate::config::Config::learning_keys) as TOML, if the file has them.
    pub config: Option<String>,
    /// Where it was made, if the file says so.
    pub provenance: Option<Provenance>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    step: u64,
    seed: u64,
    fingerprint: String,
    optimiser_steps: Vec<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provenance: Option<Provenance>,
    /// SHA-256 in hexadecimal of the [`digest`]; it is the last key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl Checkpoint {
    /// Writes the file completely or not at all: writes a temporary file in the same folder, synchronises and renames
    /// it.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_atomically(path, &self.to_bytes(path)?)
    }

    /// The type of the rule that made it, if the file has the config's keys.
    pub fn rule(&self) -> Option<String> {
        let config: toml::Table = self.config.as_ref()?.parse().ok()?;
        Some(config.get("rule")?.get("type")?.as_str()?.to_owned())
    }

    /// The same without the optimisers' averages, which are most of a file: enough for features, probes and
    /// `training.init`, and for training further with fresh averages.
    #[must_use]
    pub fn without_averages(mut self) -> Self {
        self.state.tensors.retain(|name, _| !name.starts_with(AVERAGES));
        self.state.optimiser_steps.clear();
        self
    }

    /// The bytes of the file; `path` names it in errors.
    ///
    /// # Errors
    /// If a tensor does not have its shape.
    pub(crate) fn to_bytes(&self, path: &Path) -> Result<Vec<u8>> {
        let mut header = Header {
            format: FORMAT,
            step: self.step,
            seed: self.seed,
            fingerprint: self.fingerprint.clone(),
            optimiser_steps: self.state.optimiser_steps.clone(),
            config: self.config.clone(),
            provenance: self.provenance.clone(),
            sha256: None,
        };
        let bytes: Vec<(&String, &Saved, Vec<u8>)> = self
            .state
            .tensors
            .iter()
            .map(|(name, saved)| {
                (name, saved, saved.values.iter().flat_map(|value| value.to_le_bytes()).collect())
            })
            .collect();
        let tensors = bytes.iter().map(|(name, saved, bytes)| (name.as_str(), &saved.shape[..], &bytes[..]));
        header.sha256 = Some(digest(&header, tensors).map_err(|error| Error::file(path, error))?);
        let header = serde_json::to_string(&header).map_err(|error| Error::file(path, error))?;
        let views = bytes
            .iter()
            .map(|(name, saved, bytes)| {
                let view = TensorView::new(Dtype::F32, saved.shape.clone(), bytes)
                    .map_err(|error| Error::file(path, format!("tensor `{name}`: {error}")))?;
                Ok((name.as_str(), view))
            })
            .collect::<Result<Vec<_>>>()?;
        let metadata = HashMap::from([(KEY.to_owned(), header)]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| Error::file(path, error))
    }

    /// Reads a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// If the file is missing, damaged or not a checkpoint; the error says which. [`read`](Self::read) distinguishes
    /// these cases.
    pub fn load(path: &Path) -> Result<Self> {
        Ok(Self::read(path)?)
    }
}

/// SHA-256 over the header without its checksum, and the name, shape and bytes of every tensor in the order of names.
fn digest<'a>(
    header: &Header,
    tensors: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>,
) -> serde_json::Result<String> {
    let mut hash = Sha256::new();
    hash.update(serde_json::to_string(header)?);
    for (name, shape, bytes) in tensors {
        hash.update(format!("\n{name} {shape:?}\n"));
        hash.update(bytes);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
