//! Ranks that `mpirun` started, over MPI.
//!
//! One thread makes all calls, so an MPI library that allows one calling thread is enough. A waiting rank
//! tests its operation repeatedly, with short sleeps between the tests. The sleeps leave the core to
//! training, and the tests let the rank find others that hang.

mod hung;

use super::queued::{Abort, Link, Queued};
use ::mpi::Threading;
use ::mpi::collective::SystemOperation;
use ::mpi::environment::Universe;
use ::mpi::request::{Request, Scope, scope};
use ::mpi::topology::SimpleCommunicator;
use ::mpi::traits::{Communicator, CommunicatorCollectives, Destination, Root, Source};
use hung::Watch;
use plasticity_core::{Error, Result};
use std::time::{Duration, Instant};

/// The tag of a request to rank 0 for a number of the shared counter.
const CLAIM: i32 = 1;
/// The tag of the answer.
const CLAIMED: i32 = 2;
/// How long an operation that training waits for is tested without sleeps.
const AWAKE: Duration = Duration::from_millis(2);
/// The sleep between two tests of an operation that runs beside training, or that takes longer than
/// [`AWAKE`].
const NAP: Duration = Duration::from_micros(20);

/// The link of one rank.
struct World {
    world: SimpleCommunicator,
    watch: Watch,
    abort: Abort,
    /// On rank 0, the next number of the shared counter.
    next: u64,
    /// Dropped last: that ends MPI.
    _universe: Universe,
}

/// Joins the ranks of this job. A rank that others wait for longer than `limit` counts as hung, and the job
/// ends.
///
/// # Errors
/// If MPI cannot be used.
pub fn join(limit: Duration) -> Result<Queued> {
    Queued::open(move |abort| {
        let refuse =
            || Error::Ranks("MPI cannot be started, or this process has started it before".to_owned());
        let (universe, _) = ::mpi::initialize_with_threading(Threading::Funneled).ok_or_else(refuse)?;
        let world = universe.world();
        Ok(World { world, watch: Watch::new(limit), abort, next: 0, _universe: universe })
    })
}

impl World {
    /// Waits until a request is finished. It does not sleep during the first `awake`.
    fn finish<'a, D: ?Sized, S: Scope<'a>>(&mut self, mut request: Request<'a, D, S>, awake: Duration) {
        let since = Instant::now();
        self.watch.begin();
        loop {
            request = match request.test() {
                Ok(_) => return,
                Err(request) => request,
            };
            self.serve();
            if let Some(status) = self.abort.asked() {
                self.world.abort(status);
            }
            self.watch.look(&self.world);
            if since.elapsed() >= awake {
                std::thread::sleep(NAP);
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// On rank 0, answers the other ranks' requests for numbers of the counter.
    fn serve(&mut self) {
        while self.world.rank() == 0 {
            let Some(status) = self.world.any_process().immediate_probe_with_tag(CLAIM) else { return };
            let from = self.world.process_at_rank(status.source_rank());
            let _: (u8, _) = from.receive_with_tag(CLAIM);
            from.send_with_tag(&self.next, CLAIMED);
            self.next += 1;
        }
    }

    /// The values of all ranks. Every rank gives equally many.
    fn gather_fixed<T: ::mpi::traits::Equivalence + Clone + Default>(&mut self, own: &[T]) -> Vec<T> {
        // If no rank gives anything, MPI must not be called: it would take the addresses of two empty vectors
        // as one buffer.
        if own.is_empty() {
            return Vec::new();
        }
        let mut all = vec![T::default(); own.len() * self.world.size() as usize];
        let world = SimpleCommunicator::world();
        scope(|scope| self.finish(world.immediate_all_gather_into(scope, own, &mut all[..]), AWAKE));
        all
    }
}

impl Link for World {
    fn place(&self) -> (usize, usize) {
        (self.world.rank() as usize, self.world.size() as usize)
    }

    fn sum(&mut self, values: Vec<f32>) -> Result<Vec<f32>> {
        if values.is_empty() {
            return Ok(values);
        }
        let mut sum = vec![0.0; values.len()];
        let (world, operation) = (SimpleCommunicator::world(), SystemOperation::sum());
        scope(|scope| {
            let sum = world.immediate_all_reduce_into(scope, &values[..], &mut sum[..], operation);
            self.finish(sum, Duration::ZERO);
        });
        Ok(sum)
    }

    fn gather(&mut self, values: Vec<f32>) -> Result<Vec<f32>> {
        Ok(self.gather_fixed(&values))
    }

    fn exchange(&mut self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let lengths = self.gather_fixed(&[bytes.len() as u64]);
        // Every rank sends as many bytes as the longest has.
        let longest = lengths.iter().max().copied().unwrap_or_default() as usize;
        let mut padded = bytes;
        padded.resize(longest, 0);
        let all = self.gather_fixed(&padded);
        let own = |(rank, &length): (usize, &u64)| all[rank * longest..][..length as usize].to_vec();
        Ok(lengths.iter().enumerate().map(own).collect())
    }

    fn broadcast(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        let mut length = [bytes.len() as u64];
        let world = SimpleCommunicator::world();
        let first = world.process_at_rank(0);
        scope(|scope| self.finish(first.immediate_broadcast_into(scope, &mut length[..]), AWAKE));
        let mut bytes = bytes;
        bytes.resize(length[0] as usize, 0);
        scope(|scope| self.finish(first.immediate_broadcast_into(scope, &mut bytes[..]), AWAKE));
        Ok(bytes)
    }

    fn claim(&mut self) -> Result<u64> {
        if self.world.rank() == 0 {
            self.next += 1;
            return Ok(self.next - 1);
        }
        let world = SimpleCommunicator::world();
        let first = world.process_at_rank(0);
        first.send_with_tag(&0u8, CLAIM);
        let mut claimed = 0u64;
        scope(|scope| {
            self.finish(first.immediate_receive_into_with_tag(scope, &mut claimed, CLAIMED), AWAKE)
        });
        Ok(claimed)
    }

    fn abort(&mut self, status: i32) {
        self.world.abort(status);
    }

    fn idle(&mut self) -> Result<()> {
        self.serve();
        Ok(())
    }
}
