//! Permits that threads share: who has none waits for one, and they are served in the order in which they came. A
//! thread has chosen its piece of work by then, and others may wait for that piece.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::Result;
use crate::transfer::{Bell, Stop};

/// A number of permits.
#[derive(Debug)]
pub(crate) struct Permits(Arc<Turns>);

/// One of them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Turns>);

/// Who asks for a permit gets a turn, and so many turns have come.
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
    /// When `stop` says so.
    pub(crate) fn take(&self, stop: &Stop<'_>) -> Result<Permit> {
        // Given back also by who does not wait for it.
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
