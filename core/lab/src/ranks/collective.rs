//! What ranks do together.

use plasticity_core::{Error, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// A group of ranks that train one network. All ranks call the same collective methods in the same order.
pub trait Collective: Send + Sync {
    /// Which rank this is, from 0.
    fn rank(&self) -> usize;

    /// How many ranks there are.
    fn size(&self) -> usize;

    /// Starts the sum of the values of all ranks, element by element, and returns at once. Every rank gets the same bits.
    fn all_reduce(&self, values: Vec<f32>) -> Pending;

    /// The values of all ranks, one rank after the other; each gives as many.
    ///
    /// # Errors
    /// If a rank has left.
    fn all_gather(&self, values: Vec<f32>) -> Result<Vec<f32>>;

    /// The bytes of every rank, as many as each has.
    ///
    /// # Errors
    /// If a rank has left.
    fn exchange(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>>;

    /// The bytes of rank 0; those of the others are ignored.
    ///
    /// # Errors
    /// If a rank has left.
    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>>;

    /// The next number of a counter that all ranks share, from 0: no two get the same. Ranks call it as often as they like.
    ///
    /// # Errors
    /// If rank 0 has left.
    fn claim(&self) -> Result<u64>;

    /// Ends all ranks at once, with this exit status where the system allows it: for a rank that cannot continue while others
    /// wait for it.
    fn abort(&self, status: i32);

    /// Whether any rank says so.
    ///
    /// # Errors
    /// If a rank has left.
    fn any(&self, this: bool) -> Result<bool> {
        Ok(self.all_gather(vec![f32::from(u8::from(this))])?.iter().any(|&said| said > 0.0))
    }

    /// Waits until every rank is here.
    ///
    /// # Errors
    /// If a rank has left.
    fn barrier(&self) -> Result<()> {
        self.exchange(Vec::new()).map(drop)
    }
}

/// A sum that is being made.
#[derive(Debug)]
pub struct Pending(State);

#[derive(Debug)]
enum State {
    Made(Reduced),
    Coming(Receiver<Result<Reduced>>),
}

/// A sum over ranks, and when it was made.
#[derive(Debug)]
pub struct Reduced {
    /// The sum.
    pub values: Vec<f32>,
    /// When its communication began.
    pub began: Instant,
    /// How long that took.
    pub took: Duration,
}

impl Pending {
    /// One that is there already.
    pub fn made(values: Vec<f32>) -> Self {
        Self(State::Made(Reduced { values, began: Instant::now(), took: Duration::ZERO }))
    }

    /// One that comes later.
    pub(super) fn coming(from: Receiver<Result<Reduced>>) -> Self {
        Self(State::Coming(from))
    }

    /// Waits for it.
    ///
    /// # Errors
    /// If a rank has left.
    pub fn wait(self) -> Result<Reduced> {
        match self.0 {
            State::Made(reduced) => Ok(reduced),
            State::Coming(from) => from.recv().unwrap_or_else(|_| Err(ended())),
        }
    }
}

/// The error of what waits for a communication that has ended.
pub(super) fn ended() -> Error {
    Error::Ranks("the communication between ranks has ended".to_owned())
}

/// The only rank.
#[derive(Debug, Default)]
pub struct Alone {
    claimed: AtomicU64,
}

impl Collective for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn all_reduce(&self, values: Vec<f32>) -> Pending {
        Pending::made(values)
    }

    fn all_gather(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        Ok(values)
    }

    fn exchange(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        Ok(vec![bytes])
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(bytes)
    }

    fn claim(&self) -> Result<u64> {
        Ok(self.claimed.fetch_add(1, Ordering::Relaxed))
    }

    fn abort(&self, status: i32) {
        std::process::exit(status);
    }
}
