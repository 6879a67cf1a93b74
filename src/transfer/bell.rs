//! Waiting for what another thread of the same run does.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::base::Result;
use crate::transfer::Stop;

/// How long a thread waits before it looks whether to go on waiting.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Rung by who has done something, for those who may wait for it.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    lock: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self) {
        // Who has looked, and does not wait yet, holds the lock.
        drop(self.lock.lock());
        self.rung.notify_all();
    }

    /// Waits until `look` finds something. It looks whenever the bell rings.
    ///
    /// # Errors
    /// When `stop` says so before that.
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
