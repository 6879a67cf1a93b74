//! Permits that threads share: who has none waits for one.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::Result;
use crate::transfer::Stop;

/// How long a thread waits before it looks whether to go on waiting.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A number of permits.
#[derive(Debug)]
pub(crate) struct Permits {
    free: Mutex<usize>,
    returned: Condvar,
}

/// One of them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a>(&'a Permits);

impl Permits {
    pub(crate) fn new(count: usize) -> Self {
        Self { free: Mutex::new(count.max(1)), returned: Condvar::new() }
    }

    /// # Errors
    /// When `stop` says so before one is free.
    pub(crate) fn take(&self, stop: &Stop<'_>) -> Result<Permit<'_>> {
        let mut free = self.lock();
        while *free == 0 {
            stop.check()?;
            free = self.returned.wait_timeout(free, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
        *free -= 1;
        Ok(Permit(self))
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.lock() += 1;
        self.0.returned.notify_one();
    }
}
