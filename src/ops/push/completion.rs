//! The outcome of work in the background, which any number of threads can wait for.

use std::sync::{Condvar, Mutex};
use std::time::Instant;

use crate::base::{Result, Unpoisoned as _};

/// The outcome of work in the background, once there is one.
#[derive(Debug)]
pub(crate) struct Completion<T> {
    outcome: Mutex<Option<Result<T>>>,
    changed: Condvar,
}

impl<T> Default for Completion<T> {
    fn default() -> Self {
        Self { outcome: Mutex::new(None), changed: Condvar::new() }
    }
}

impl<T: Clone> Completion<T> {
    /// Returns work that is done.
    pub(crate) fn done(outcome: T) -> Self {
        Self { outcome: Mutex::new(Some(Ok(outcome))), changed: Condvar::new() }
    }

    /// Sets the outcome.
    pub(super) fn complete(&self, outcome: Result<T>) {
        self.outcome.lock().unpoisoned().get_or_insert(outcome);
        self.changed.notify_all();
    }

    /// Returns whether there is an outcome.
    pub(crate) fn is_done(&self) -> bool {
        self.outcome.lock().unpoisoned().is_some()
    }

    /// Returns whether the work has failed.
    pub(super) fn has_failed(&self) -> bool {
        matches!(&*self.outcome.lock().unpoisoned(), Some(Err(_)))
    }

    /// Waits for the outcome, at most until `deadline`.
    pub(crate) fn wait_until(&self, deadline: Instant) -> Option<Result<T>> {
        let outcome = self.outcome.lock().unpoisoned();
        let left = deadline.saturating_duration_since(Instant::now());
        let (outcome, _) = self.changed.wait_timeout_while(outcome, left, |outcome| outcome.is_none()).unpoisoned();
        outcome.clone()
    }
}
