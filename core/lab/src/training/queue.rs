//! A queue of maps between two parts of a pipeline.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What happens to a new item if the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Its sender waits for room.
    Waits,
    /// It replaces the oldest item, which is lost.
    LosesOldest,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    room: usize,
    full: Full,
}

struct State<T> {
    items: VecDeque<T>,
    /// Whether both ends still exist.
    open: bool,
}

/// The end for putting items in.
pub(super) struct Sender<T>(Arc<Shared<T>>);

/// The end for taking items out, in the order in which they were put in, until the sender no longer
/// exists and the queue is empty.
pub(super) struct Receiver<T>(Arc<Shared<T>>);

/// A queue of at most `room` items.
pub(super) fn queue<T>(room: usize, full: Full) -> (Sender<T>, Receiver<T>) {
    let state = Mutex::new(State { items: VecDeque::with_capacity(room), open: true });
    let shared = Arc::new(Shared { state, changed: Condvar::new(), room, full });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, waits: impl Fn(&State<T>) -> bool) -> MutexGuard<'_, State<T>> {
        let wait = self.changed.wait_while(self.lock(), |state| state.open && waits(state));
        wait.unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().open = false;
        self.changed.notify_all();
    }
}

impl<T> Sender<T> {
    /// Puts an item in; returns whether the receiver still exists.
    pub fn send(&self, item: T) -> bool {
        let Shared { changed, room, full, .. } = self.0.as_ref();
        let mut state = self.0.wait_while(|state| *full == Full::Waits && state.items.len() == *room);
        if state.items.len() == *room {
            state.items.pop_front();
        }
        state.items.push_back(item);
        changed.notify_all();
        state.open
    }
}

impl<T> Iterator for Receiver<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let mut state = self.0.wait_while(|state| state.items.is_empty());
        self.0.changed.notify_all();
        state.items.pop_front()
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_loses_its_oldest_items_and_no_others() {
        let (sender, receiver) = queue(2, Full::LosesOldest);
        assert!((0..5).all(|item| sender.send(item)));
        drop(sender);
        assert_eq!(receiver.collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn a_sender_waits_for_room_until_nobody_takes() {
        let (sender, mut receiver) = queue(1, Full::Waits);
        let sending = std::thread::spawn(move || (0..9).take_while(|&item| sender.send(item)).count());
        assert_eq!(receiver.by_ref().take(3).collect::<Vec<_>>(), [0, 1, 2]);
        drop(receiver);
        // At most two more items: one had room, and one waited for room.
        assert!((3..=5).contains(&sending.join().unwrap()));
    }
}
