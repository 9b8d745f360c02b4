//! A small cache of the items that were made last.

use plasticity_core::Result;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The number of items kept: one for each thread that a loader starts by default.
const MOST: usize = 4;

/// The last few items that were made, by number.
pub(super) struct Recent<T> {
    kept: Mutex<VecDeque<(usize, Arc<T>)>>,
}

impl<T> Recent<T> {
    pub fn new() -> Self {
        Self { kept: Mutex::new(VecDeque::new()) }
    }

    /// Item `number`, from the cache or made now. Threads make items at the same time, so two of them may
    /// make the same item.
    pub fn get(&self, number: usize, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, thing)) = lock().iter().find(|(kept, _)| *kept == number) {
            return Ok(thing.clone());
        }
        let thing = Arc::new(make()?);
        let mut kept = lock();
        kept.truncate(MOST - 1);
        kept.push_front((number, thing.clone()));
        Ok(thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::Error;

    #[test]
    fn the_last_few_are_made_once_and_no_more_are_kept() {
        let recent = Recent::new();
        let get = |number: usize, made: &mut usize| {
            let make = || {
                *made += 1;
                Ok(10 * number)
            };
            assert_eq!(*recent.get(number, make).unwrap(), 10 * number);
        };
        let mut made = 0;
        for number in [0, 0, 1, 0, 1, 2, 3, 0] {
            get(number, &mut made);
        }
        assert_eq!(made, 4);
        get(4, &mut made);
        get(0, &mut made);
        assert_eq!((made, recent.kept.lock().unwrap().len()), (6, MOST));
        let failed = recent.get(9, || Err(Error::stimulus("x", "broken")));
        assert!(failed.is_err() && recent.get(9, || Ok(1)).is_ok(), "what failed is not kept");
    }
}
