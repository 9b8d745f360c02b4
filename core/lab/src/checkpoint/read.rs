//! Reads a checkpoint, and distinguishes a damaged file from one that cannot be read now.

use super::{Checkpoint, FORMAT, Header, KEY, digest};
use crate::network::{Saved, State};
use plasticity_core::{Error, files};
use safetensors::tensor::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::path::Path;

/// Why a file cannot be used as a checkpoint.
#[derive(Debug)]
pub enum Unusable {
    /// Its content is damaged or not a checkpoint.
    Broken(Error),
    /// It may be intact, but this process (disk, permissions) or this version of the program cannot read it.
    Refused(Error),
}

impl From<Unusable> for Error {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Broken(error) | Unusable::Refused(error) => error,
        }
    }
}

impl Checkpoint {
    /// Reads a file that [`save`](Self::save) wrote, or one of an earlier version, which has no checksum.
    ///
    /// # Errors
    /// [`Unusable::Refused`] if the file cannot be read or has a later format. [`Unusable::Broken`] if it is
    /// cut short or not a checkpoint, if the checksum does not match, if a tensor has NaN or an infinity, or
    /// if an optimiser has made more steps than the checkpoint.
    pub fn read(path: &Path) -> Result<Self, Unusable> {
        let unread = |error| Unusable::Refused(Error::file(path, format!("cannot be read: {error}")));
        Self::from_bytes(&files::read(path).map_err(unread)?, path)
    }

    /// Reads a checkpoint from the bytes of a file; `path` names it in errors.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, Unusable> {
        let refused = |message: String| Unusable::Refused(Error::file(path, message));
        let broken = |message: String| Unusable::Broken(Error::file(path, message));
        let cut = |error: safetensors::SafeTensorError| {
            broken(format!("is incomplete or not a safetensors file ({error}): use another checkpoint"))
        };
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(cut)?;
        let header = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let foreign = "was not written by plasticity: the metadata key `plasticity` is missing";
        let header = header.ok_or_else(|| broken(foreign.to_owned()))?;
        // Only the format is read first: a later format may have other keys.
        let format: serde_json::Value = serde_json::from_str(header)
            .map_err(|error| broken(format!("is damaged: metadata `plasticity`: {error}")))?;
        let format = format.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
        if format > u64::from(FORMAT) {
            let message = format!(
                "has format {format}, but this version reads {FORMAT}: use the version of plasticity that wrote \
                 it, or a later one"
            );
            return Err(refused(message));
        }
        let header: Header = serde_json::from_str(header)
            .map_err(|error| broken(format!("is damaged: metadata `plasticity`: {error}")))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(cut)?;
        Self::whole(header, &tensors).map_err(|message| broken(format!("is damaged: {message}")))
    }

    /// The checkpoint, or the fault of its content.
    fn whole(mut header: Header, tensors: &SafeTensors) -> Result<Self, String> {
        let views: BTreeMap<_, _> = tensors.tensors().into_iter().collect();
        if let Some((name, view)) = views.iter().find(|(_, view)| view.dtype() != Dtype::F32) {
            return Err(format!("tensor `{name}` has type {:?}, expected F32", view.dtype()));
        }
        let given = header.sha256.take();
        if given.is_some() || header.provenance.is_some() || header.config.is_some() {
            let named = views.iter().map(|(name, view)| (name.as_str(), view.shape(), view.data()));
            let found = digest(&header, named).map_err(|error| error.to_string())?;
            if given.as_ref() != Some(&found) {
                return Err("its checksum does not match its content".to_owned());
            }
        }
        let number = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        let saved = |(name, view): (String, safetensors::tensor::TensorView)| {
            let values = view.data().chunks_exact(4).map(number).collect();
            (name, Saved { shape: view.shape().to_vec(), values })
        };
        let tensors = views.into_iter().map(saved).collect();
        let state = State { tensors, optimiser_steps: header.optimiser_steps };
        if let Some(name) = state.not_finite() {
            return Err(format!("`{name}` contains NaN or infinity"));
        }
        // It may have made fewer: modules take turns or skip batches, and averages may begin anew.
        if let Some(steps) = state.optimiser_steps.iter().find(|steps| **steps > header.step) {
            return Err(format!(
                "it belongs to step {}, but an optimiser has made {steps} steps",
                header.step
            ));
        }
        let Header { step, seed, fingerprint, config, provenance, .. } = header;
        Ok(Self { state, step, seed, fingerprint, config, provenance })
    }
}
