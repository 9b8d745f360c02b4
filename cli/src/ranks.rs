//! The ranks of this job, where `mpirun` has started several processes of this program.

use crate::exit::Exit;
use crate::output;
use plasticity_core::Result;
#[cfg(feature = "mpi")]
use plasticity_core::device::Device;
use plasticity_lab::ranks::{self, Alone, Collective};
use std::sync::Arc;
use std::time::Duration;

/// Joins the other ranks of this job. From here on rank 0 alone says what the program has to say.
///
/// # Errors
/// Where several processes were started, and this program was built without MPI, or MPI cannot be used.
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
    // All of them find the same.
    if ranks::rank_as_started().is_some_and(|rank| rank > 0) {
        output::silence_errors();
    }
    Err(plasticity_core::Error::Ranks(message))
}

/// The outcome of all ranks: this one's, or the error of the first that failed, which rank 0 alone says.
///
/// # Errors
/// Where a rank failed.
pub fn agree<T>(ranks: &dyn Collective, own: Result<T>) -> Result<T> {
    let agreed = ranks::agree(ranks, own);
    if agreed.is_err() && ranks.rank() > 0 {
        output::silence_errors();
        // The first process that ends with an error makes `mpirun` end the others: rank 0 reports before that.
        std::thread::sleep(REPORT);
    }
    agreed
}

/// How long rank 0 takes at most to report an error that all ranks have.
const REPORT: Duration = Duration::from_secs(1);

/// How long rank 0 has to report an error before another rank does: longer than the second after which `mpirun` kills
/// processes that catch its first signal.
const FIRST_WORD: Duration = Duration::from_secs(5);

/// Does what ranks do together. A rank that cannot continue says why and ends all of them, because the others wait for it.
pub fn together(ranks: &Arc<dyn Collective>, run: impl FnOnce() -> Result<Exit>) -> Result<Exit> {
    match run() {
        Err(error) if ranks.size() > 1 => {
            let exit = Exit::of(&error);
            if ranks.rank() == 0 {
                output::error(&error);
            } else {
                // Where all ranks find the same wrong, rank 0 has said it and ended them by then.
                std::thread::sleep(FIRST_WORD);
                output::error_of(ranks.rank(), &error);
            }
            ranks.abort(exit as i32);
            Ok(exit)
        }
        ended => ended,
    }
}
