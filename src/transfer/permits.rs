//! Permits shared by threads, granted in the order requested: a thread has chosen its piece of work before it waits for
//! a permit, and others may wait for that piece. Some are granted first.

use crate::base::Unpoisoned as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// A fixed number of permits. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Permits(Arc<Turns>);

/// A permit, returned when dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Turns>);

#[derive(Debug)]
struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// How many permits were requested and granted in turn.
    requested: usize,
    granted: usize,
    /// How many threads wait to be served first.
    urgent: usize,
}

impl Permits {
    /// Creates `count` permits, at least one.
    pub(crate) fn new(count: usize) -> Self {
        let state = State { free: count.max(1), requested: 0, granted: 0, urgent: 0 };
        Self(Arc::new(Turns { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// Waits for a permit.
    pub(crate) fn take(&self) -> Permit {
        let mut state = self.0.state.lock().unpoisoned();
        let turn = state.requested;
        state.requested += 1;
        let waits = |state: &mut State| state.free == 0 || state.urgent > 0 || state.granted < turn;
        let mut state = self.0.changed.wait_while(state, waits).unpoisoned();
        state.granted += 1;
        self.granted(state)
    }

    /// Waits for a permit, before all that wait in [`take`](Self::take).
    pub(crate) fn take_first(&self) -> Permit {
        let mut state = self.0.state.lock().unpoisoned();
        state.urgent += 1;
        let mut state = self.0.changed.wait_while(state, |state| state.free == 0).unpoisoned();
        state.urgent -= 1;
        self.granted(state)
    }

    /// Returns whether a thread waits for a permit.
    pub(crate) fn are_awaited(&self) -> bool {
        let state = self.0.state.lock().unpoisoned();
        state.urgent > 0 || state.granted < state.requested
    }

    fn granted(&self, mut state: MutexGuard<'_, State>) -> Permit {
        state.free -= 1;
        let others = state.free > 0;
        drop(state);
        if others {
            self.0.changed.notify_all();
        }
        Permit(self.0.clone())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.state.lock().unpoisoned().free += 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn at_most_that_many_permits_are_out() {
        let (permits, out, most) = (Permits::new(3), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let _permit = permits.take();
                    most.fetch_max(out.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    out.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert!(most.into_inner() <= 3);
    }

    #[test]
    fn permits_are_granted_in_turn_and_some_first() {
        let permits = Permits::new(1);
        let (held, order) = (permits.take(), Mutex::new(Vec::new()));
        let waiting = |count: usize| {
            while {
                let state = permits.0.state.lock().unwrap();
                state.requested - state.granted + state.urgent < count
            } {
                thread::yield_now();
            }
        };
        thread::scope(|scope| {
            assert!(!permits.are_awaited());
            for (name, first) in [("one", false), ("two", false), ("first", true)] {
                let (permits, order) = (&permits, &order);
                let before =
                    permits.0.state.lock().map(|state| state.requested - state.granted + state.urgent).unwrap();
                scope.spawn(move || {
                    let _permit = if first { permits.take_first() } else { permits.take() };
                    order.lock().unwrap().push(name);
                });
                waiting(before + 1);
                assert!(permits.are_awaited());
            }
            drop(held);
        });
        assert_eq!(order.into_inner().unwrap(), ["first", "one", "two"]);
    }
}
