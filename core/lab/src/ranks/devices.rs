//! Sums of updates over ranks, made by the ranks' GPUs.

use super::{Collective, agree};
use plasticity_core::device::{AllReduce, Device, ON_GPU};
use plasticity_core::{Error, Result};

/// Joins the GPUs of all ranks into a group. Returns `None` in a program without CUDA, or if there is one
/// rank. Also returns `None` if a rank cannot join, because it has no GPU or no NCCL. Updates are then summed
/// in the host's memory, and rank 0 logs the reason.
pub(super) fn join(ranks: &dyn Collective, device: &Device) -> Option<AllReduce> {
    if !ON_GPU || ranks.size() == 1 {
        return None;
    }
    let join = |identity: &[u8]| Ok(AllReduce::join(device, identity, ranks.rank(), ranks.size())?);
    joined(ranks, AllReduce::identity().map_err(Error::from), join)
        .inspect_err(|why| {
            if ranks.rank() == 0 {
                tracing::warn!("{}", said(why));
            }
        })
        .ok()
}

fn said(why: &Error) -> String {
    format!("{why}: the ranks sum their updates in the host's memory instead")
}

/// Joins this rank to the others by the identity that rank 0 made. If one rank fails, every rank fails.
fn joined<T>(
    ranks: &dyn Collective,
    identity: Result<Vec<u8>>,
    join: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<T> {
    let identity = ranks.broadcast(agree(ranks, identity)?)?;
    agree(ranks, join(&identity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranks::threads;

    /// What each of three ranks joins by.
    fn all(identity: impl Fn(usize) -> Result<Vec<u8>> + Sync) -> Vec<Result<Vec<u8>>> {
        let ranks = threads::ranks(3).unwrap();
        std::thread::scope(|scope| {
            let identity = &identity;
            let each = |rank: crate::ranks::Queued| {
                scope.spawn(move || joined(&rank, identity(rank.rank()), |identity| Ok(identity.to_vec())))
            };
            let running: Vec<_> = ranks.into_iter().map(each).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn all_join_by_the_identity_of_rank_0_or_none_does() {
        for joined in all(|rank| Ok(vec![rank as u8])) {
            assert_eq!(joined.unwrap(), [0]);
        }
        let missing = |rank| match rank {
            1 => Err(Error::Device("libnccl.so.2 was not found".to_owned())),
            rank => Ok(vec![rank as u8]),
        };
        for joined in all(missing) {
            let message = said(&joined.unwrap_err());
            assert!(message.contains("libnccl.so.2 was not found: the ranks sum"), "{message}");
        }
    }
}
