//! Finds a rank that others wait for.

use ::mpi::topology::{Rank, SimpleCommunicator};
use ::mpi::traits::{Communicator, Destination, Source};
use std::time::{Duration, Instant};

/// The tag of the message "this rank waits in an operation".
const HERE: i32 = 3;
/// How long waiting ranks listen to each other. A rank that is silent for this long counts as hung.
const HEARING: Duration = Duration::from_secs(3);

/// Watches operations that all ranks take part in.
pub(super) struct Watch {
    limit: Duration,
    since: Instant,
    /// The number of the operation. All ranks make the same operations.
    operation: u64,
    /// When this rank said that it waits in the operation, and which ranks have said so.
    here: Option<(Instant, Vec<Rank>)>,
}

impl Watch {
    pub fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), operation: 0, here: None }
    }

    /// Counts the start of an operation.
    pub fn begin(&mut self) {
        self.operation += 1;
        self.since = Instant::now();
        self.here = None;
    }

    /// Checks whether the operation takes too long. If so, and if a rank does not take part in it, ends the
    /// job with a message that names the rank.
    pub fn look(&mut self, world: &SimpleCommunicator) {
        if self.since.elapsed() < self.limit {
            return;
        }
        let own = world.rank();
        let others = || (0..world.size()).filter(move |rank| *rank != own);
        let Some((asked, here)) = &mut self.here else {
            // The message has a few bytes, so MPI sends it at once, and no rank has to receive it.
            others().for_each(|rank| world.process_at_rank(rank).send_with_tag(&self.operation, HERE));
            self.here = Some((Instant::now(), vec![own]));
            return;
        };
        while let Some(status) = world.any_process().immediate_probe_with_tag(HERE) {
            let (operation, status) =
                world.process_at_rank(status.source_rank()).receive_with_tag::<u64>(HERE);
            if operation == self.operation {
                here.push(status.source_rank());
            }
        }
        let absent: Vec<Rank> = others().filter(|rank| !here.contains(rank)).collect();
        if absent.is_empty() {
            // All ranks take part, so the operation is long and no rank hangs.
            self.since = Instant::now();
            self.here = None;
        } else if asked.elapsed() >= HEARING {
            if here.iter().min() == Some(&own) {
                let names: Vec<String> = absent.iter().map(Rank::to_string).collect();
                tracing::error!(
                    "rank {} of {} hangs: the others have waited for it for {} s (training.rank_limit): resume from the \
                     last checkpoint",
                    names.join(" and rank "),
                    world.size(),
                    self.limit.as_secs()
                );
            } else {
                // The lowest waiting rank reports for all, so the others give it time.
                std::thread::sleep(HEARING);
            }
            world.abort(1);
        }
    }
}
