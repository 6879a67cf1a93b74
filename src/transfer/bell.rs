//! Waits for other threads of the same run.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::base::Result;
use crate::transfer::Stop;

/// How often a waiting thread checks whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Wakes the threads that wait for something another thread does.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    lock: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self) {
        // A thread that has looked but does not wait yet holds the lock.
        drop(self.lock.lock());
        self.rung.notify_all();
    }

    /// Waits until `look` returns something. It is called whenever the bell rings.
    ///
    /// # Errors
    /// If `stop` ends the wait first.
    pub(crate) fn wait_for<T>(&self, stop: &Stop<'_>, look: impl Fn() -> Option<T>) -> Result<T> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            stop.check()?;
            if let Some(found) = look() {
                return Ok(found);
            }
            lock = self.rung.wait_timeout(lock, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
