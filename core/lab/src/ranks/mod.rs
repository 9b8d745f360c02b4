//! Training on several ranks. Ranks are processes on one machine or on several. Each holds a copy of the
//! network and trains it on a shard of every batch.
//!
//! [`Collective`] lists what ranks do together. [`Sharing`] is what a training step does with it. [`Queued`]
//! implements [`Collective`] over a [`Link`]. [`threads`] links ranks that are threads of one process. With
//! the feature `mpi`, `mpi` links ranks that `mpirun` started.

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
