//! The collective operations of ranks.

use plasticity_core::{Error, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// A group of ranks that train one network. All ranks call the same collective methods in the same order.
pub trait Collective: Send + Sync {
    /// The number of this rank, from 0.
    fn rank(&self) -> usize;

    /// The number of ranks.
    fn size(&self) -> usize;

    /// Starts an element-wise sum of the values of all ranks, and returns at once. Every rank gets the same
    /// bits.
    fn all_reduce(&self, values: Vec<f32>) -> Pending;

    /// The values of all ranks, in the order of ranks. Every rank must give equally many.
    ///
    /// # Errors
    /// If a rank has left.
    fn all_gather(&self, values: Vec<f32>) -> Result<Vec<f32>>;

    /// The bytes of every rank, in the order of ranks. Ranks may give different numbers of bytes.
    ///
    /// # Errors
    /// If a rank has left.
    fn exchange(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>>;

    /// The bytes of rank 0. The bytes that other ranks give are ignored.
    ///
    /// # Errors
    /// If a rank has left.
    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>>;

    /// The next number of a counter that all ranks share. It starts at 0, and no two calls get the same
    /// number. A rank may call this at any time and any number of times.
    ///
    /// # Errors
    /// If rank 0 has left.
    fn claim(&self) -> Result<u64>;

    /// Ends all ranks at once, with this exit status if the system allows it. A rank calls this if it cannot
    /// continue while others wait for it.
    fn abort(&self, status: i32);

    /// Whether `this` is true on any rank.
    ///
    /// # Errors
    /// If a rank has left.
    fn any(&self, this: bool) -> Result<bool> {
        Ok(self.all_gather(vec![f32::from(u8::from(this))])?.iter().any(|&said| said > 0.0))
    }
}

/// A sum over ranks that may not be finished yet.
#[derive(Debug)]
pub struct Pending(State);

#[derive(Debug)]
enum State {
    Made(Reduced),
    Coming(Receiver<Result<Reduced>>),
}

/// A sum over ranks, and its timing.
#[derive(Debug)]
pub struct Reduced {
    /// The sum.
    pub values: Vec<f32>,
    /// When the communication began.
    pub began: Instant,
    /// How long the communication took.
    pub took: Duration,
}

impl Pending {
    /// A finished sum.
    pub fn made(values: Vec<f32>) -> Self {
        Self(State::Made(Reduced { values, began: Instant::now(), took: Duration::ZERO }))
    }

    /// A sum that will arrive over a channel.
    pub(super) fn coming(from: Receiver<Result<Reduced>>) -> Self {
        Self(State::Coming(from))
    }

    /// Waits for the sum.
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

/// The error of a caller whose communication has ended.
pub(super) fn ended() -> Error {
    Error::Ranks("the communication between ranks has ended".to_owned())
}

/// The collective operations of a rank that trains alone.
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
