//! The ranks of this job, if `mpirun` has started several processes of this program.

use crate::exit::Exit;
use crate::output;
use plasticity_core::Result;
#[cfg(feature = "mpi")]
use plasticity_core::device::Device;
use plasticity_lab::ranks::{self, Alone, Collective};
use std::sync::Arc;
use std::time::Duration;

/// Joins the other ranks of this job. From now on, only rank 0 prints output.
///
/// # Errors
/// If several processes were started, and this program was built without MPI, or MPI cannot be used.
pub fn join(limit: Duration) -> Result<Arc<dyn Collective>> {
    match ranks::started().filter(|&count| count > 1) {
        None => Ok(Arc::new(Alone::default())),
        Some(count) => joined(count, limit),
    }
}

#[cfg(feature = "mpi")]
fn joined(_: usize, limit: Duration) -> Result<Arc<dyn Collective>> {
    // Before the device is opened.
    Device::choose(ranks::local_rank().unwrap_or(0));
    let joined = ranks::mpi::join(limit)?;
    if joined.rank() > 0 {
        output::silence();
    }
    Ok(Arc::new(joined))
}

#[cfg(not(feature = "mpi"))]
fn joined(count: usize, _: Duration) -> Result<Arc<dyn Collective>> {
    let message = format!(
        "{count} processes of this program were started together, but it was built without MPI, so each would train for itself: \
         build it with `--features mpi`, or start one process"
    );
    // All ranks find the same error.
    if ranks::rank_as_started().is_some_and(|rank| rank > 0) {
        output::silence_errors();
    }
    Err(plasticity_core::Error::Ranks(message))
}

/// The outcome of this rank, or the error of the first rank that failed. Only rank 0 prints the error.
///
/// # Errors
/// If a rank failed.
pub fn agree<T>(ranks: &dyn Collective, own: Result<T>) -> Result<T> {
    let agreed = ranks::agree(ranks, own);
    if agreed.is_err() && ranks.rank() > 0 {
        output::silence_errors();
        // The first process that ends with an error makes `mpirun` end the others: rank 0 reports before that.
        std::thread::sleep(REPORT);
    }
    agreed
}

/// The longest time in which rank 0 reports an error that all ranks have.
const REPORT: Duration = Duration::from_secs(1);

/// The time for rank 0 to report an error before another rank does. It is longer than the second after which
/// `mpirun` kills processes that catch its first signal.
const FIRST_WORD: Duration = Duration::from_secs(5);

/// Runs the common work of all ranks. A rank that cannot continue prints the reason and ends all ranks,
/// because the others wait for it.
pub fn together(ranks: &Arc<dyn Collective>, run: impl FnOnce() -> Result<Exit>) -> Result<Exit> {
    match run() {
        Err(error) if ranks.size() > 1 => {
            let exit = Exit::of(&error);
            if ranks.rank() == 0 {
                output::error(&error);
            } else {
                // If all ranks have the same error, rank 0 has reported it and ended them before this time is over.
                std::thread::sleep(FIRST_WORD);
                output::error_of(ranks.rank(), &error);
            }
            ranks.abort(exit as i32);
            Ok(exit)
        }
        ended => ended,
    }
}
