//! Working buffers that outlive a call, so that a step does not fault in fresh pages every time.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Buffers at rest, at most [`KEPT`].
static SHELF: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Buffers kept for later calls; the smallest are dropped beyond that.
const KEPT: usize = 16;
/// Values of one buffer kept, 64 MiB; beyond, what is computed on it costs far more than its pages.
const LARGE: usize = 16 << 20;

/// A borrowed buffer; it goes back on the shelf when dropped. Its content is arbitrary.
pub(crate) struct Scratch {
    buffer: Vec<f32>,
    length: usize,
}

impl Scratch {
    /// A buffer of `length` values left over from earlier use.
    pub(crate) fn new(length: usize) -> Self {
        let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = shelf.iter().position(|buffer| buffer.len() >= length);
        let mut buffer = match fitting {
            Some(at) => shelf.remove(at),
            None => shelf.pop().unwrap_or_default(),
        };
        drop(shelf);
        if buffer.len() < length {
            buffer = vec![0.0; length];
        }
        Self { buffer, length }
    }

    /// Keeps the first `length` values, if there are more.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// A buffer of `length` zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        let mut scratch = Self::new(length);
        scratch.fill(0.0);
        scratch
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[..self.length]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[..self.length]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        if buffer.len() > LARGE {
            return;
        }
        let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
        let at = shelf.partition_point(|other| other.len() < buffer.len());
        shelf.insert(at, buffer);
        if shelf.len() > KEPT {
            shelf.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_given_back() {
        drop(Scratch::new(LARGE + 1));
        assert!(SHELF.lock().unwrap().iter().all(|buffer| buffer.len() <= LARGE));
    }

    #[test]
    fn buffers_have_the_length_asked_for() {
        for length in [0, 5, 1000, 3] {
            let mut scratch = Scratch::zeros(length);
            assert_eq!(scratch.len(), length);
            assert!(scratch.iter().all(|&value| value == 0.0));
            scratch.fill(1.0);
        }
    }
}
