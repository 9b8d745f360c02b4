//! A network's state on its way between ranks, and whether all ranks have the same.

use crate::checkpoint::Checkpoint;
use crate::network::State;
use crate::ranks::Collective;
use plasticity_core::{Error, Result};
use sha2::{Digest, Sha256};
use std::path::Path;

/// What errors call the bytes.
const NAME: &str = "the state of rank 0";

/// A state after `step` steps as bytes: those of a checkpoint's file.
///
/// # Errors
/// If it cannot be written so.
pub(super) fn packed(state: &State, step: u64) -> Result<Vec<u8>> {
    let checkpoint = Checkpoint {
        state: state.clone(),
        step,
        seed: 0,
        fingerprint: String::new(),
        config: None,
        provenance: None,
    };
    checkpoint.to_bytes(Path::new(NAME))
}

/// The state and step that were packed.
///
/// # Errors
/// If the bytes are of something else.
pub(super) fn unpacked(bytes: &[u8]) -> Result<(State, u64)> {
    let checkpoint = Checkpoint::from_bytes(bytes, Path::new(NAME))?;
    Ok((checkpoint.state, checkpoint.step))
}

/// Refuses ranks whose bytes are others than those of rank 0.
///
/// # Errors
/// Names the first of them.
pub(super) fn same(ranks: &dyn Collective, own: &[u8]) -> Result<()> {
    let all = ranks.exchange(Sha256::digest(own).to_vec())?;
    match all.iter().position(|other| Some(other) != all.first()) {
        None => Ok(()),
        Some(rank) => Err(Error::Ranks(format!(
            "rank {rank} has other weights than rank 0, so the two compute differently: resume from the last checkpoint, on machines \
             of one kind"
        ))),
    }
}
