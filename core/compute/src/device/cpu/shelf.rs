//! Keeps the memory of dropped buffers and the working memory of convolutions for the next buffers.
//! Every step makes and drops the same buffers, and new pages from the system take up to a fifth of
//! the step of a small network.
//!
//! All sizes here are capacities, because a reused buffer may be longer than its values.

use crate::error::{Error, Result};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The largest total size of kept buffers, in values: 128 MiB. Beyond this, the oldest are dropped.
const ALL: usize = 32 << 20;
/// The largest size of a kept buffer, in values: 64 MiB. For larger ones, computation takes much longer than new pages.
const LARGE: usize = 16 << 20;
/// The smallest size of a kept buffer, in values. For smaller ones, the allocator is as fast.
pub(super) const SMALL: usize = 256 << 10;

/// The kept buffers, the oldest first, and their total capacity in values.
#[derive(Debug, Default)]
struct Shelf {
    buffers: VecDeque<Vec<f32>>,
    values: usize,
}

static SHELF: Mutex<Shelf> = Mutex::new(Shelf { buffers: VecDeque::new(), values: 0 });

impl Shelf {
    /// `len` values in the smallest kept buffer that has room for them and at most a quarter more (the rest is unused
    /// meanwhile). Among equal buffers it takes the latest, which may still be in a cache.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let fits = |(_, buffer): &(usize, &Vec<f32>)| (len..=len + len / 4).contains(&buffer.capacity());
        let fitting = self.buffers.iter().enumerate().rev().filter(fits);
        let (at, _) = fitting.min_by_key(|(_, buffer)| buffer.capacity())?;
        let mut buffer = self.buffers.remove(at)?;
        self.values -= buffer.capacity();
        buffer.resize(len, 0.0);
        Some(buffer)
    }

    fn put(&mut self, buffer: Vec<f32>) {
        self.values += buffer.capacity();
        self.buffers.push_back(buffer);
        while self.values > ALL {
            self.values -= self.buffers.pop_front().map_or(0, |oldest| oldest.capacity());
        }
    }
}

fn kept(len: usize) -> bool {
    (SMALL..=LARGE).contains(&len)
}

/// Checks that there is memory for `len` values, if they are many.
///
/// # Errors
/// If there is not.
pub(crate) fn room(len: usize) -> Result<()> {
    if len <= LARGE {
        return Ok(());
    }
    Vec::<f32>::new().try_reserve_exact(len).map_err(|_| {
        let message = format!("no memory for {len} values: use a smaller batch or smaller layers");
        Error::Device(message)
    })
}

/// `len` values: zeros, or old data.
pub(crate) fn take(len: usize) -> Vec<f32> {
    let left = kept(len).then(|| SHELF.lock().unwrap_or_else(PoisonError::into_inner).take(len)).flatten();
    left.unwrap_or_else(|| vec![0.0; len])
}

/// `len` zeros.
pub(crate) fn zeros(len: usize) -> Vec<f32> {
    if !kept(len) {
        return vec![0.0; len];
    }
    let mut values = take(len);
    values.fill(0.0);
    values
}

/// Keeps a buffer for later.
pub(crate) fn put(buffer: Vec<f32>) {
    if kept(buffer.capacity()) {
        SHELF.lock().unwrap_or_else(PoisonError::into_inner).put(buffer);
    }
}

/// Drops all kept buffers.
pub(crate) fn clear() {
    *SHELF.lock().unwrap_or_else(PoisonError::into_inner) = Shelf::default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_taken_again_where_it_fits() {
        let mut shelf = Shelf::default();
        shelf.put(vec![1.0; 100]);
        shelf.put(vec![1.0; 110]);
        assert_eq!(shelf.take(111), None);
        assert_eq!(shelf.take(70), None, "much of it would lie idle");
        let used = shelf.take(90).unwrap();
        assert_eq!((used.len(), used.capacity(), shelf.values), (90, 100, 110));
        shelf.put(used);
        assert_eq!(shelf.values, 210, "a shorter use leaves its memory as large as it was");
        assert_eq!(shelf.take(100).unwrap(), [[1.0; 90].as_slice(), &[0.0; 10]].concat());
        assert_eq!(shelf.take(90).unwrap().capacity(), 110);
        assert_eq!((shelf.values, shelf.take(90)), (0, None));
    }

    #[test]
    fn the_oldest_make_room() {
        let mut shelf = Shelf::default();
        for len in [ALL / 2, ALL / 2, ALL / 2 + 1] {
            shelf.put(vec![0.0; len]);
        }
        assert_eq!(shelf.buffers.len(), 1);
        assert_eq!(shelf.values, ALL / 2 + 1);
    }

    #[test]
    fn what_has_no_room_is_an_error() {
        assert!(room(1 << 61).unwrap_err().to_string().contains("use a smaller batch"));
        room(0).and_then(|()| room(LARGE + 1)).unwrap();
    }

    #[test]
    fn zeros_are_zeros_whatever_was_left() {
        put(vec![3.0; SMALL]);
        assert!(zeros(SMALL).iter().all(|&value| value == 0.0));
        assert_eq!((take(SMALL).len(), take(3).len(), take(0).len()), (SMALL, 3, 0));
    }
}
