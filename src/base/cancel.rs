//! Stops an operation from another thread.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use super::{Error, Result, Unpoisoned as _};

/// A handle that cancels an operation from another thread: no new work begins, transfers under way are interrupted even
/// if their connections are stalled, and temporary files are removed. Clones share one state.
#[derive(Clone, Default)]
pub struct Cancel {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cancelled: Option<Instant>,
    /// Actions that interrupt threads waiting for something other than this handle.
    interrupts: Vec<(u64, Box<dyn FnOnce() + Send>)>,
    next: u64,
}

/// An action registered with a [`Cancel`]; dropping this removes it.
pub(crate) struct Interrupt {
    shared: Weak<Shared>,
    id: u64,
}

impl Cancel {
    /// Returns a handle that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels every operation that holds this handle or a clone of it.
    pub fn cancel(&self) {
        let mut state = self.shared.lock();
        state.cancelled.get_or_insert_with(Instant::now);
        let interrupts = std::mem::take(&mut state.interrupts);
        drop(state);
        self.shared.changed.notify_all();
        for (_, interrupt) in interrupts {
            interrupt();
        }
    }

    /// Returns whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.since().is_some()
    }

    /// Returns how long ago the handle was cancelled.
    pub(crate) fn since(&self) -> Option<Duration> {
        self.shared.lock().cancelled.map(|at| at.elapsed())
    }

    /// Checks that the handle is not cancelled.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if it is.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Waits for `duration`, or until the handle is cancelled.
    pub fn wait(&self, duration: Duration) {
        let state = self.shared.lock();
        let _unused = self.shared.changed.wait_timeout_while(state, duration, |state| state.cancelled.is_none());
    }

    /// Calls `act` when the handle is cancelled, on the thread that cancels it; immediately if it has already been
    /// cancelled.
    pub(crate) fn on_cancel(&self, act: impl FnOnce() + Send + 'static) -> Interrupt {
        let mut state = self.shared.lock();
        let id = state.next;
        state.next += 1;
        if state.cancelled.is_some() {
            drop(state);
            act();
        } else {
            state.interrupts.push((id, Box::new(act)));
        }
        Interrupt { shared: Arc::downgrade(&self.shared), id }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unpoisoned()
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            let mut state = shared.lock();
            let forgotten = state.interrupts.iter().position(|(id, _)| *id == self.id);
            let forgotten = forgotten.map(|at| state.interrupts.swap_remove(at));
            // The action may own a clone of this handle.
            drop(state);
            drop(forgotten);
        }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("cancelled", &self.is_cancelled()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn actions_run_once_and_immediately_if_already_cancelled() {
        let (cancel, count) = (Cancel::new(), Arc::new(AtomicU32::new(0)));
        let act = |by: u32| {
            let count = count.clone();
            cancel.on_cancel(move || {
                count.fetch_add(by, Ordering::SeqCst);
            })
        };
        let (_kept, forgotten) = (act(1), act(10));
        drop(forgotten);
        assert_eq!(count.load(Ordering::SeqCst), 0);
        cancel.cancel();
        cancel.cancel();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        let _late = act(100);
        assert_eq!(count.load(Ordering::SeqCst), 101);
        assert!(cancel.check().is_err());
    }
}
