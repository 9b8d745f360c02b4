//! Checkpoints: all of a network that changes with training, in one safetensors file.
//!
//! Tensors are in their public layout, under the names of [`State`]. The metadata key `plasticity` is JSON: format,
//! step, seed, the config's fingerprint and the optimisers' steps. Random numbers and the place in the stimuli
//! need no saving: both follow from the seed and the step.

mod write;

pub(crate) use write::remove_partial;
pub use write::write_atomically;

use crate::network::{Saved, State};
use plasticity_core::{Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The version of the format that this crate writes.
const FORMAT: u32 = 1;
/// The metadata key.
const KEY: &str = "plasticity";

/// A network's state after some steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Parameters and averages.
    pub state: State,
    /// Steps made.
    pub step: u64,
    /// The run's seed.
    pub seed: u64,
    /// What the config was: [`Config::fingerprint`](crate::config::Config::fingerprint).
    pub fingerprint: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    step: u64,
    seed: u64,
    fingerprint: String,
    optimiser_steps: Vec<u64>,
}

impl Checkpoint {
    /// Writes the file whole or not at all: to a temporary file beside it, which is synchronised and renamed.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn save(&self, path: &Path) -> Result<()> {
        let header = Header {
            format: FORMAT,
            step: self.step,
            seed: self.seed,
            fingerprint: self.fingerprint.clone(),
            optimiser_steps: self.state.optimiser_steps.clone(),
        };
        let header = serde_json::to_string(&header).map_err(|error| Error::file(path, error))?;
        let bytes: Vec<(&String, &Saved, Vec<u8>)> = self
            .state
            .tensors
            .iter()
            .map(|(name, saved)| {
                (name, saved, saved.values.iter().flat_map(|value| value.to_le_bytes()).collect())
            })
            .collect();
        let views = bytes
            .iter()
            .map(|(name, saved, bytes)| {
                let view = TensorView::new(Dtype::F32, saved.shape.clone(), bytes)
                    .map_err(|error| Error::file(path, format!("tensor `{name}`: {error}")))?;
                Ok((name.as_str(), view))
            })
            .collect::<Result<Vec<_>>>()?;
        let metadata = HashMap::from([(KEY.to_owned(), header)]);
        let file = safetensors::serialize(views, Some(metadata)).map_err(|error| Error::file(path, error))?;
        write_atomically(path, &file)
    }

    /// Reads a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// Where the file is missing, cut short or no checkpoint: says which.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(path).map_err(|error| Error::file(path, format!("cannot be read: {error}")))?;
        let broken = |error: safetensors::SafeTensorError| {
            let message = format!("is cut short, or no safetensors file ({error}); use another checkpoint");
            Error::file(path, message)
        };
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(broken)?;
        let header =
            metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY)).ok_or_else(|| {
                Error::file(path, "was not written by plasticity: it lacks the metadata key `plasticity`")
            })?;
        let header: Header = serde_json::from_str(header)
            .map_err(|error| Error::file(path, format!("metadata `plasticity`: {error}")))?;
        if header.format != FORMAT {
            let message = format!("has format {}, this version reads {FORMAT}", header.format);
            return Err(Error::file(path, message));
        }
        let mut read = BTreeMap::new();
        for (name, view) in tensors.tensors() {
            if view.dtype() != Dtype::F32 {
                let message = format!("tensor `{name}` holds {:?}, expected F32", view.dtype());
                return Err(Error::file(path, message));
            }
            let values =
                view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            read.insert(name, Saved { shape: view.shape().to_vec(), values });
        }
        Ok(Self {
            state: State { tensors: read, optimiser_steps: header.optimiser_steps },
            step: header.step,
            seed: header.seed,
            fingerprint: header.fingerprint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let saved = Saved { shape: vec![2, 2], values: vec![1.0, -2.5, f32::MIN_POSITIVE, 3e7] };
        let tensors = BTreeMap::from([("layer.0.weight".to_owned(), saved)]);
        let state = State { tensors, optimiser_steps: vec![7] };
        Checkpoint { state, step: 7, seed: 3, fingerprint: "00ff".to_owned() }
    }

    #[test]
    fn a_checkpoint_comes_back_bit_by_bit_and_twice_to_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.safetensors"), folder.path().join("b.safetensors"));
        checkpoint().save(&a).unwrap();
        let read = Checkpoint::load(&a).unwrap();
        assert_eq!(read, checkpoint());
        read.save(&b).unwrap();
        assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_file_cut_short_anywhere_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        checkpoint().save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let error = Checkpoint::load(&path).unwrap_err().to_string();
            assert!(error.contains("is cut short"), "{length}: {error}");
        }
    }

    #[test]
    fn a_safetensors_file_of_another_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let none: Vec<(&str, TensorView)> = Vec::new();
        std::fs::write(&path, safetensors::serialize(none, None).unwrap()).unwrap();
        assert!(Checkpoint::load(&path).unwrap_err().to_string().contains("was not written by plasticity"));
    }
}
