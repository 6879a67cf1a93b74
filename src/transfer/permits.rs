//! Permits that threads share: who has none waits for one.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::Result;
use crate::transfer::Stop;

/// How long a thread waits before it looks whether to go on waiting.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A number of permits.
#[derive(Debug)]
pub(crate) struct Permits(Arc<Shared>);

/// One of them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    free: Mutex<usize>,
    returned: Condvar,
}

impl Permits {
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Shared { free: Mutex::new(count.max(1)), returned: Condvar::new() }))
    }

    /// # Errors
    /// When `stop` says so before one is free.
    pub(crate) fn take(&self, stop: &Stop<'_>) -> Result<Permit> {
        let mut free = self.0.lock();
        while *free == 0 {
            stop.check()?;
            free = self.0.returned.wait_timeout(free, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
        *free -= 1;
        Ok(Permit(self.0.clone()))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.lock() += 1;
        self.0.returned.notify_one();
    }
}
