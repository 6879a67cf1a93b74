//! Permits that threads share: who has none waits for one, and they are served in the order in which they came. A
//! thread has chosen its piece of work by then, and others may wait for that piece.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::base::Result;
use crate::transfer::{LOOK_EVERY, Stop};

/// A number of permits.
#[derive(Debug)]
pub(crate) struct Permits(Arc<Shared>);

/// One of them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    turns: Mutex<Turns>,
    returned: Condvar,
}

/// Who asks for a permit gets a turn, and so many turns have come.
#[derive(Debug)]
struct Turns {
    asked: usize,
    come: usize,
}

impl Permits {
    pub(crate) fn new(count: usize) -> Self {
        let turns = Turns { asked: 0, come: count.max(1) };
        Self(Arc::new(Shared { turns: Mutex::new(turns), returned: Condvar::new() }))
    }

    /// # Errors
    /// When `stop` says so.
    pub(crate) fn take(&self, stop: &Stop<'_>) -> Result<Permit> {
        // Given back also by who does not wait for it.
        let permit = Permit(self.0.clone());
        let mut turns = self.0.lock();
        let turn = turns.asked;
        turns.asked += 1;
        loop {
            // Also where there is one: who gives up gives back what was never taken.
            stop.check()?;
            if turns.come > turn {
                break;
            }
            turns = self.0.returned.wait_timeout(turns, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(turns);
        Ok(permit)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.lock().come += 1;
        self.0.returned.notify_all();
    }
}
