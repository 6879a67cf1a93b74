//! What a running job can ask of its run: whether to stop, to wait for another thread, and a processor.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use crate::base::{Cancel, Error, Interrupt, Result, Unpoisoned as _};
use crate::transfer::Permits;

/// The run that a job belongs to.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    cancel: &'a Cancel,
    processors: &'a Permits,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    failed: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

impl<'a> Run<'a> {
    /// Creates a run. It is interrupted by `cancel` until the [`Interrupt`] is dropped.
    pub(super) fn new(cancel: &'a Cancel, processors: &'a Permits) -> (Self, Interrupt) {
        let shared = Arc::<Shared>::default();
        let woken = shared.clone();
        let interrupt = cancel.on_cancel(move || woken.notify());
        (Self { cancel, processors, shared }, interrupt)
    }

    /// Checks that the run has not stopped.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the caller cancelled, or if another job of the same run failed.
    pub(crate) fn check(&self) -> Result<()> {
        if self.shared.failed.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { self.cancel.check() }
    }

    /// Waits until `look` returns a value. It is called again after every [`notify`](Self::notify). The thread that
    /// will provide it must already be working on it.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub(crate) fn wait_for<T>(&self, look: impl Fn() -> Option<T>) -> Result<T> {
        let mut guard = self.shared.lock.lock().unpoisoned();
        loop {
            self.check()?;
            if let Some(found) = look() {
                return Ok(found);
            }
            guard = self.shared.changed.wait(guard).unpoisoned();
        }
    }

    /// Wakes the threads in [`wait_for`](Self::wait_for).
    pub(crate) fn notify(&self) {
        self.shared.notify();
    }

    /// Runs `work` once few enough threads compute: about one for each processor. Work that finishes one after the other
    /// yields its first result sooner than work that shares the processors.
    pub(crate) fn compute<T>(&self, work: impl FnOnce() -> T) -> T {
        let _processor = self.processors.take();
        work()
    }

    /// Like [`compute`](Self::compute), before all work that waits there.
    pub(crate) fn compute_first<T>(&self, work: impl FnOnce() -> T) -> T {
        let _processor = self.processors.take_first();
        work()
    }

    /// Stops all work of the run.
    pub(super) fn fail(&self) {
        self.shared.failed.store(true, Ordering::Relaxed);
        self.shared.notify();
    }
}

impl Shared {
    fn notify(&self) {
        // A thread that has looked but does not wait yet holds the lock.
        drop(self.lock.lock());
        self.changed.notify_all();
    }
}
