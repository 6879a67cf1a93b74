//! A limit on bytes that threads share: of temporary files, or of documents in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::base::{Result, Unpoisoned as _};

/// How often a waiting thread repeats its check.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A number of bytes, lent in the order of the requests.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    /// The tickets of the waiting threads, and the next ticket.
    waiting: VecDeque<u64>,
    next: u64,
}

/// Bytes lent from a [`Budget`], returned when dropped.
#[derive(Debug)]
pub(crate) struct Room {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, state: Mutex::default(), changed: Condvar::new() })
    }

    /// Returns the limit in bytes.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Waits until that many bytes are free, as long as `check` succeeds. More than the limit are lent only while
    /// nothing else is.
    ///
    /// # Errors
    /// That of `check`.
    pub(crate) fn take(self: &Arc<Self>, bytes: u64, check: impl Fn() -> Result<()>) -> Result<Room> {
        let mut state = self.state.lock().unpoisoned();
        let ticket = state.next;
        state.next += 1;
        state.waiting.push_back(ticket);
        loop {
            let mine = state.waiting.front() == Some(&ticket);
            let outcome = check();
            if outcome.is_err() || (mine && self.fits(state.used, bytes)) {
                state.waiting.retain(|waiting| *waiting != ticket);
                let lent = outcome.map(|()| self.lend(&mut state, bytes));
                drop(state);
                self.changed.notify_all();
                return lent;
            }
            state = self.changed.wait_timeout(state, LOOK_EVERY).unpoisoned().0;
        }
    }

    /// Returns that many bytes if they are free and no thread waits.
    pub(crate) fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Room> {
        let mut state = self.state.lock().unpoisoned();
        let free = state.waiting.is_empty() && self.fits(state.used, bytes);
        free.then(|| self.lend(&mut state, bytes))
    }

    fn fits(&self, used: u64, bytes: u64) -> bool {
        used == 0 || used.saturating_add(bytes) <= self.limit
    }

    fn lend(self: &Arc<Self>, state: &mut State, bytes: u64) -> Room {
        state.used = state.used.saturating_add(bytes);
        Room { budget: self.clone(), bytes }
    }
}

impl Room {
    /// Adds bytes to this room. Returns whether they were free.
    pub(crate) fn try_grow(&mut self, bytes: u64) -> bool {
        let mut state = self.budget.state.lock().unpoisoned();
        let free = state.used.saturating_add(bytes) <= self.budget.limit;
        if free {
            state.used += bytes;
            self.bytes += bytes;
        }
        free
    }

    /// Returns bytes to the budget until `bytes` are left.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let freed = self.bytes.saturating_sub(bytes);
        self.bytes -= freed;
        self.budget.state.lock().unpoisoned().used -= freed;
        self.budget.changed.notify_all();
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;
    use crate::base::Error;

    #[test]
    fn bytes_are_lent_up_to_the_limit_and_more_only_alone() {
        let budget = Budget::new(10);
        let (first, second) = (budget.try_take(6).unwrap(), budget.try_take(4).unwrap());
        assert!(budget.try_take(1).is_none());
        drop(first);
        assert!(budget.try_take(7).is_none());
        drop(second);
        let large = budget.try_take(100).unwrap();
        assert!(budget.try_take(1).is_none());
        drop(large);
        let mut room = budget.try_take(0).unwrap();
        assert!(room.try_grow(10) && !room.try_grow(1));
        room.shrink(3);
        assert!(budget.try_take(7).is_some());
    }

    #[test]
    fn waiting_threads_are_served_in_turn_and_can_give_up() {
        let budget = Budget::new(10);
        let held = budget.try_take(10).unwrap();
        let given_up = AtomicBool::new(false);
        thread::scope(|scope| {
            let (budget, given_up) = (&budget, &given_up);
            let check = || if given_up.load(Ordering::SeqCst) { Err(Error::Cancelled) } else { Ok(()) };
            let first = scope.spawn(move || budget.take(10, check).is_err());
            while budget.state.lock().unwrap().waiting.is_empty() {
                thread::yield_now();
            }
            let second = scope.spawn(|| budget.take(1, || Ok(())).is_ok());
            while budget.state.lock().unwrap().waiting.len() < 2 {
                thread::yield_now();
            }
            assert!(!second.is_finished());
            given_up.store(true, Ordering::SeqCst);
            assert!(first.join().unwrap());
            drop(held);
            assert!(second.join().unwrap());
        });
    }
}
