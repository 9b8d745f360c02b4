//! Working memory of a call, borrowed from the caches of dropped buffers, so that the system need not
//! provide new pages in every step.

use super::{near, shelf};
use std::ops::{Deref, DerefMut};

/// A borrowed buffer; its memory goes back to the cache when it is dropped. Its content is arbitrary. It begins at a
/// cache line, because vectors and tiles that cross lines take twice as long to load.
pub(crate) struct Scratch {
    memory: Vec<f32>,
    start: usize,
    length: usize,
}

/// Values in a cache line.
const LINE: usize = 16;

impl Scratch {
    /// A buffer of `length` values left over from earlier use.
    pub(crate) fn new(length: usize) -> Self {
        let memory = length + LINE;
        Self::of(if memory < shelf::SMALL { near::take(memory) } else { shelf::take(memory) }, length)
    }

    /// A buffer of `length` zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        let mut scratch = Self::new(length);
        scratch.fill(0.0);
        scratch
    }

    fn of(memory: Vec<f32>, length: usize) -> Self {
        let start = memory.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        Self { memory, start, length }
    }

    /// Keeps the first `length` values, if there are more.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.memory[self.start..][..self.length]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[self.start..][..self.length]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        if memory.len() < shelf::SMALL { near::put(memory) } else { shelf::put(memory) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_have_the_length_asked_for() {
        for length in [0, 5, 1000, 3] {
            let mut scratch = Scratch::zeros(length);
            assert_eq!(scratch.len(), length);
            assert_eq!(scratch.as_ptr().align_offset(64), 0);
            assert!(scratch.iter().all(|&value| value == 0.0));
            scratch.fill(1.0);
        }
    }
}
