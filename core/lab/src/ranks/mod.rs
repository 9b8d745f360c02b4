//! Training on several ranks: processes of one machine or of many, each with a copy of the network and a shard of every
//! batch.
//!
//! [`Collective`] is what ranks do together, [`Sharing`] what a training step makes of it. [`Queued`] brings a
//! [`Link`] to that trait: [`threads`] links ranks that are threads of one process, and, with the feature `mpi`, `mpi`
//! those that `mpirun` has started.

mod agree;
mod collective;
mod devices;
mod layout;
#[cfg(feature = "mpi")]
pub mod mpi;
mod queued;
mod sharing;
mod started;
pub mod threads;

pub use agree::{agree, same_program};
pub use collective::{Alone, Collective, Pending, Reduced};
pub use layout::Shard;
pub use queued::{Abort, Link, Queued};
pub(crate) use sharing::{Begun, Updates};
pub use sharing::{GATHER, MOMENTS, Negatives, Sharing, WAIT};
pub use started::{local_rank, on_this_machine, rank_as_started, started};
