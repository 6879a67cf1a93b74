//! When requests that wait must end because the server stops.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::base::Unpoisoned as _;

/// When requests that wait must end. Clones share it.
#[derive(Clone, Debug, Default)]
pub(in crate::serve) struct StopBy(Arc<Mutex<Option<Instant>>>);

impl StopBy {
    /// Lets requests wait only for `grace`, or without a limit if that is beyond the range of the clock. Further calls
    /// can only shorten it.
    pub(in crate::serve) fn stop_within(&self, grace: Duration) {
        let Some(end) = Instant::now().checked_add(grace) else { return };
        let mut stop_by = self.0.lock().unpoisoned();
        *stop_by = Some(stop_by.map_or(end, |earlier| earlier.min(end)));
    }

    /// Returns when requests must end.
    pub(super) fn end(&self) -> Option<Instant> {
        *self.0.lock().unpoisoned()
    }

    /// Returns whether requests must end now.
    pub(super) fn is_now(&self) -> bool {
        self.end().is_some_and(|end| end <= Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_call_only_shortens_the_time() {
        let stop_by = StopBy::default();
        assert!(!stop_by.is_now());
        stop_by.stop_within(Duration::from_secs(600));
        assert!(!stop_by.is_now());
        stop_by.clone().stop_within(Duration::ZERO);
        stop_by.stop_within(Duration::from_secs(600));
        assert!(stop_by.is_now());
    }

    #[test]
    fn a_time_beyond_the_range_of_the_clock_never_comes() {
        let stop_by = StopBy::default();
        stop_by.stop_within(Duration::MAX);
        assert!(!stop_by.is_now());
        stop_by.stop_within(Duration::ZERO);
        stop_by.stop_within(Duration::MAX);
        assert!(stop_by.is_now());
    }
}
