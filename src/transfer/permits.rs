//! Permits shared by threads, granted in the order requested: a thread has chosen its piece of work before it waits for
//! a permit, and others may wait for that piece. Some are granted first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::base::{OneshotSender, Unpoisoned as _, oneshot};

/// A fixed number of permits. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Permits(Arc<Mutex<State>>);

/// A permit, returned when dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// While any is free, no thread waits.
    free: usize,
    /// The threads that wait to be served first, and the others. Each is woken only when it gets its permit.
    first: VecDeque<OneshotSender<()>>,
    others: VecDeque<OneshotSender<()>>,
}

impl Permits {
    /// Creates `count` permits, at least one.
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: count.max(1), first: VecDeque::new(), others: VecDeque::new() })))
    }

    /// Waits for a permit.
    pub(crate) fn take(&self) -> Permit {
        self.wait(false)
    }

    /// Waits for a permit, before all that wait in [`take`](Self::take).
    pub(crate) fn take_first(&self) -> Permit {
        self.wait(true)
    }

    fn wait(&self, first: bool) -> Permit {
        let mut state = self.0.lock().unpoisoned();
        if state.free > 0 {
            state.free -= 1;
        } else {
            let (grant, granted) = oneshot();
            let queue = if first { &mut state.first } else { &mut state.others };
            queue.push_back(grant);
            drop(state);
            granted.recv();
        }
        Permit(self.0.clone())
    }

    /// Returns whether a thread waits for a permit.
    pub(crate) fn are_awaited(&self) -> bool {
        self.0.lock().unpoisoned().waiting() > 0
    }
}

impl State {
    fn waiting(&self) -> usize {
        self.first.len() + self.others.len()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.0.lock().unpoisoned();
        match state.first.pop_front().or_else(|| state.others.pop_front()) {
            Some(grant) => grant.send(()),
            None => state.free += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
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
    fn a_permit_is_handed_over_and_not_lost() {
        let permits = Permits::new(1);
        let free = || permits.0.lock().unwrap().free;
        let (held, finish) = (permits.take(), Barrier::new(2));
        let after = thread::scope(|scope| {
            scope.spawn(|| {
                let _permit = permits.take();
                finish.wait();
            });
            while !permits.are_awaited() {
                thread::yield_now();
            }
            drop(held);
            // Whether or not the thread has woken up yet.
            let after = (free(), permits.are_awaited());
            finish.wait();
            after
        });
        assert_eq!(after, (0, false));
        assert_eq!(free(), 1);
    }

    #[test]
    fn permits_are_granted_in_turn_and_some_first() {
        let permits = Permits::new(1);
        let (held, order) = (permits.take(), Mutex::new(Vec::new()));
        let waiting = || permits.0.lock().unwrap().waiting();
        thread::scope(|scope| {
            assert!(!permits.are_awaited());
            for (name, first) in [("one", false), ("two", false), ("first", true)] {
                let (permits, order) = (&permits, &order);
                let before = waiting();
                scope.spawn(move || {
                    let _permit = if first { permits.take_first() } else { permits.take() };
                    order.lock().unwrap().push(name);
                });
                while waiting() == before {
                    thread::yield_now();
                }
                assert!(permits.are_awaited());
            }
            drop(held);
        });
        assert_eq!(order.into_inner().unwrap(), ["first", "one", "two"]);
    }
}
