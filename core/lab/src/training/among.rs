//! Sends a network's state between ranks, and checks that all ranks have the same state.

use crate::checkpoint::Checkpoint;
use crate::network::State;
use crate::ranks::Collective;
use plasticity_core::{Error, Result};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The name of the bytes in errors.
const NAME: &str = "the state of rank 0";

/// A state after `step` steps as the bytes of a checkpoint's file.
///
/// # Errors
/// If it cannot be written in this form.
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

/// The state and step in the bytes from [`packed`].
///
/// # Errors
/// If the bytes have another form.
pub(super) fn unpacked(bytes: &[u8]) -> Result<(State, u64)> {
    let checkpoint = Checkpoint::from_bytes(bytes, Path::new(NAME))?;
    Ok((checkpoint.state, checkpoint.step))
}

/// Checks that the bytes of all ranks equal those of rank 0.
///
/// # Errors
/// If they do not; the error names the first such rank.
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
