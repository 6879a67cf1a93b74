//! Permits shared by threads, granted in the order requested: a thread has chosen its piece of work before it waits for
//! a permit, and others may wait for that piece.

use crate::base::Unpoisoned as _;
use std::sync::{Arc, Condvar, Mutex};

/// A fixed number of permits. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Permits(Arc<Turns>);

/// A permit, returned when dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Turns>);

#[derive(Debug)]
struct Turns {
    count: usize,
    state: Mutex<State>,
    returned: Condvar,
}

/// How many permits were requested and returned so far.
#[derive(Debug, Default)]
struct State {
    requested: usize,
    returned: usize,
}

impl Permits {
    /// Creates `count` permits, at least one.
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Turns { count: count.max(1), state: Mutex::default(), returned: Condvar::new() }))
    }

    /// Waits for a permit.
    pub(crate) fn take(&self) -> Permit {
        let mut state = self.0.state.lock().unpoisoned();
        let turn = state.requested;
        state.requested += 1;
        let waits = |state: &mut State| turn - state.returned.min(turn) >= self.0.count;
        drop(self.0.returned.wait_while(state, waits).unpoisoned());
        Permit(self.0.clone())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.state.lock().unpoisoned().returned += 1;
        self.0.returned.notify_all();
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
}
