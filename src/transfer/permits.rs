//! Permits shared by threads, granted in the order requested. A thread has chosen its piece of work before it waits for
//! a permit, and others may wait for that piece.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::Result;
use crate::transfer::{Bell, Stop};

/// A fixed number of permits.
#[derive(Debug)]
pub(crate) struct Permits(Arc<Turns>);

/// A permit, returned when dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Turns>);

/// Each request for a permit gets a turn; `come` counts the turns that have come.
#[derive(Debug)]
struct Turns {
    asked: AtomicUsize,
    come: AtomicUsize,
    returned: Bell,
}

impl Permits {
    pub(crate) fn new(count: usize) -> Self {
        let (asked, come) = (AtomicUsize::new(0), AtomicUsize::new(count.max(1)));
        Self(Arc::new(Turns { asked, come, returned: Bell::default() }))
    }

    /// # Errors
    /// If `stop` ends the wait.
    pub(crate) fn take(&self, stop: &Stop<'_>) -> Result<Permit> {
        // Created first, so that it is returned even if the wait ends early.
        let permit = Permit(self.0.clone());
        let turn = self.0.asked.fetch_add(1, Ordering::SeqCst);
        self.0.returned.wait_for(stop, || (self.0.come.load(Ordering::SeqCst) > turn).then_some(()))?;
        Ok(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.come.fetch_add(1, Ordering::SeqCst);
        self.0.returned.ring();
    }
}
