//! The clock, as a value that tests can replace.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::Cancel;

/// A source of time that can also sleep.
pub trait Clock: Send + Sync {
    /// Returns the wall-clock time, which is signed and written.
    fn now(&self) -> SystemTime;

    /// Returns a time that never goes backwards, from an arbitrary start, for measuring durations.
    fn monotonic(&self) -> Duration;

    /// Sleeps; returns early when `cancel` is cancelled.
    fn sleep(&self, duration: Duration, cancel: &Cancel);
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }

    fn monotonic(&self) -> Duration {
        (**self).monotonic()
    }

    fn sleep(&self, duration: Duration, cancel: &Cancel) {
        (**self).sleep(duration, cancel);
    }
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration, cancel: &Cancel) {
        cancel.wait(duration);
    }
}
