//! Working memory of a call, borrowed from the cache of dropped buffers, so that the system need not
//! provide new pages in every step.

use super::shelf;
use std::ops::{Deref, DerefMut};

/// A borrowed buffer; its memory goes back to the cache when it is dropped. Its content is arbitrary.
pub(crate) struct Scratch(Vec<f32>);

impl Scratch {
    /// A buffer of `length` values left over from earlier use.
    pub(crate) fn new(length: usize) -> Self {
        Self(shelf::take(length))
    }

    /// A buffer of `length` zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        Self(shelf::zeros(length))
    }

    /// Keeps the first `length` values, if there are more.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        shelf::put(std::mem::take(&mut self.0));
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
            assert!(scratch.iter().all(|&value| value == 0.0));
            scratch.fill(1.0);
        }
    }
}
