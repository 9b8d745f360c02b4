//! Keeps the small working memory of each thread for its next calls. A call for a few samples makes and drops the same
//! buffers as the one before, and new ones would have to be cleared.

use std::cell::RefCell;

/// The largest number of buffers that a thread keeps; each is smaller than 1 MiB.
const COUNT: usize = 8;

thread_local! {
    /// The kept buffers, the oldest first.
    static KEPT: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// At least `len` values: zeros, or old data. It takes the smallest kept buffer that is long enough.
pub(super) fn take(len: usize) -> Vec<f32> {
    let kept = KEPT.with_borrow_mut(|kept| {
        let fitting = kept.iter().enumerate().filter(|(_, buffer)| buffer.len() >= len);
        let (at, _) = fitting.min_by_key(|(_, buffer)| buffer.len())?;
        Some(kept.remove(at))
    });
    kept.unwrap_or_else(|| vec![0.0; len])
}

/// Keeps a buffer for later. A thread that ends keeps nothing.
pub(super) fn put(buffer: Vec<f32>) {
    let _ended = KEPT.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        if kept.len() == COUNT {
            kept.remove(0);
        }
        kept.push(buffer);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_that_is_long_enough_is_taken_again() {
        for len in [10, 30, 20] {
            put(vec![len as f32; len]);
        }
        assert_eq!([take(15).len(), take(15).len(), take(15).len()], [20, 30, 15]);
        assert_eq!(take(10), [10.0; 10]);
    }

    #[test]
    fn only_so_many_are_kept() {
        for len in 1..=COUNT + 1 {
            put(vec![1.0; len]);
        }
        assert_eq!(KEPT.with_borrow(|kept| (kept.len(), kept[0].len())), (COUNT, 2));
    }
}
