//! Ranks that are threads of one process. Tests use them to check that a sharded step equals the step of one
//! rank.

use super::{Link, Queued};
use plasticity_core::{Error, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The place where ranks meet.
struct Hub {
    size: usize,
    meeting: Mutex<Meeting>,
    changed: Condvar,
    claimed: AtomicU64,
}

/// What each rank has brought to the current meeting.
struct Meeting {
    brought: Vec<Option<Vec<u8>>>,
    /// How many ranks have taken the bytes of this meeting.
    taken: usize,
    /// A rank that has left and comes to no more meetings.
    left: Option<usize>,
}

/// One rank's access to the meetings.
struct Thread {
    hub: Arc<Hub>,
    rank: usize,
}

/// `size` ranks, one for each thread that trains.
///
/// # Errors
/// If no thread can be started.
pub fn ranks(size: usize) -> Result<Vec<Queued>> {
    let meeting = Mutex::new(Meeting { brought: vec![None; size], taken: 0, left: None });
    let hub = Arc::new(Hub { size, meeting, changed: Condvar::new(), claimed: AtomicU64::new(0) });
    let open = |rank| {
        let hub = Arc::clone(&hub);
        Queued::open(move |_| Ok(Thread { hub, rank }))
    };
    (0..size).map(open).collect()
}

impl Thread {
    /// Brings bytes, waits for the bytes of all others, and returns the bytes of all ranks.
    fn meet(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let Hub { size, changed, .. } = self.hub.as_ref();
        // The last meeting ends when every rank has taken its bytes.
        let mut meeting = self.wait(self.lock(), |meeting| meeting.brought[self.rank].is_none())?;
        meeting.brought[self.rank] = Some(bytes);
        changed.notify_all();
        let mut meeting = self.wait(meeting, |meeting| meeting.brought.iter().all(Option::is_some))?;
        let all = meeting.brought.iter().flatten().cloned().collect();
        meeting.taken += 1;
        if meeting.taken == *size {
            meeting.taken = 0;
            meeting.brought.iter_mut().for_each(|brought| *brought = None);
            changed.notify_all();
        }
        Ok(all)
    }

    fn lock(&self) -> MutexGuard<'_, Meeting> {
        self.hub.meeting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        mut meeting: MutexGuard<'a, Meeting>,
        until: impl Fn(&Meeting) -> bool,
    ) -> Result<MutexGuard<'a, Meeting>> {
        while !until(&meeting) {
            if let Some(rank) = meeting.left {
                return Err(Error::Ranks(format!("rank {rank} of {} has left", self.hub.size)));
            }
            meeting = self.hub.changed.wait(meeting).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(meeting)
    }

    fn leave(&self) {
        self.lock().left.get_or_insert(self.rank);
        self.hub.changed.notify_all();
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_ne_bytes()).collect()
}

fn values(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks().0.iter().map(|&value| f32::from_ne_bytes(value))
}

impl Link for Thread {
    fn place(&self) -> (usize, usize) {
        (self.rank, self.hub.size)
    }

    fn sum(&mut self, own: Vec<f32>) -> Result<Vec<f32>> {
        let mut sum = vec![0.0; own.len()];
        for brought in self.meet(bytes(&own))? {
            sum.iter_mut().zip(values(&brought)).for_each(|(sum, value)| *sum += value);
        }
        Ok(sum)
    }

    fn gather(&mut self, own: Vec<f32>) -> Result<Vec<f32>> {
        let all = self.meet(bytes(&own))?;
        Ok(all.iter().flat_map(|brought| values(brought)).collect())
    }

    fn exchange(&mut self, own: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        self.meet(own)
    }

    fn broadcast(&mut self, own: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.meet(own)?.swap_remove(0))
    }

    fn claim(&mut self) -> Result<u64> {
        Ok(self.hub.claimed.fetch_add(1, Ordering::Relaxed))
    }

    /// Threads cannot be ended, so this rank leaves. The others get an error that says so.
    fn abort(&mut self, _status: i32) {
        self.leave();
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranks::Collective;

    /// Runs `run` on each of `size` ranks and returns all results.
    fn each<T: Send>(size: usize, run: impl Fn(&dyn Collective) -> T + Sync) -> Vec<T> {
        let ranks = ranks(size).unwrap();
        std::thread::scope(|scope| {
            let run = &run;
            let running: Vec<_> = ranks.into_iter().map(|rank| scope.spawn(move || run(&rank))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn ranks_do_the_same_things_together() {
        let made = each(3, |ranks| {
            let rank = ranks.rank();
            let first = ranks.all_reduce(vec![rank as f32, 1.0]);
            let second = ranks.all_reduce(vec![10.0 * rank as f32]);
            let gathered = ranks.all_gather(vec![rank as f32; 2]).unwrap();
            let exchanged = ranks.exchange(vec![7; rank]).unwrap();
            let from_first = ranks.broadcast(vec![rank as u8 + 40]).unwrap();
            let any = (ranks.any(rank == 2).unwrap(), ranks.any(false).unwrap());
            ranks.exchange(Vec::new()).unwrap();
            let claimed = ranks.claim().unwrap();
            ranks.exchange(Vec::new()).unwrap();
            let sums = (first.wait().unwrap().values, second.wait().unwrap().values);
            (sums, gathered, exchanged, from_first, any, claimed)
        });
        for one in &made {
            assert_eq!(one.0, (vec![3.0, 3.0], vec![30.0]));
            assert_eq!(one.1, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
            assert_eq!(one.2, [vec![], vec![7], vec![7, 7]]);
            assert_eq!((&one.3[..], one.4), (&[40][..], (true, false)));
        }
        let mut claimed: Vec<u64> = made.iter().map(|one| one.5).collect();
        claimed.sort_unstable();
        assert_eq!(claimed, [0, 1, 2]);
    }

    #[test]
    fn those_who_wait_for_a_rank_that_has_left_are_told_which() {
        let made = each(2, |ranks| match ranks.rank() {
            0 => ranks.all_reduce(vec![1.0]).wait().map(drop),
            _ => Ok(()),
        });
        let error = made[0].as_ref().unwrap_err().to_string();
        assert!(error.contains("rank 1 of 2 has left"), "{error}");
    }
}
