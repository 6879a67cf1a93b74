//! Stopping an operation from another thread.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{Error, Result};

/// A handle that cancels an operation from another thread: no new work begins, transfers under way stop at their next
/// chunk, temporaries are removed. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    state: Arc<(Mutex<bool>, Condvar)>,
}

impl Cancel {
    /// A handle nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels every operation that holds this handle or a clone of it.
    pub fn cancel(&self) {
        *self.state.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.state.1.notify_all();
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_canceled(&self) -> bool {
        *self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// [`Error::Canceled`] when the handle was cancelled.
    pub fn check(&self) -> Result<()> {
        if self.is_canceled() { Err(Error::Canceled) } else { Ok(()) }
    }

    /// Waits for `duration`, or until the handle is cancelled.
    pub fn wait(&self, duration: Duration) {
        let canceled = self.state.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _unused = self.state.1.wait_timeout_while(canceled, duration, |canceled| !*canceled);
    }
}
