//! Limits the rate of a transfer.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// The number of bytes to move at once if there is a rate: a few milliseconds' worth. Each step wakes up both sides.
pub(super) const STEP: usize = 512 * 1024;

/// One body's progress against its rate. Idle time is not credited.
pub(super) struct Pace {
    rate: Option<u64>,
    started: Instant,
    moved: u64,
}

impl Pace {
    pub(super) fn new(rate: Option<u64>) -> Self {
        Self { rate, started: Instant::now(), moved: 0 }
    }

    /// Returns the largest piece to move at once.
    pub(super) fn step(&self, unpaced: usize) -> usize {
        if self.rate.is_some() { STEP } else { unpaced }
    }

    /// Waits until `bytes` more, which have been moved, were due.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.moved += bytes as u64;
        if let Some(wait) = self.ahead(self.started.elapsed()) {
            sleep(wait);
        }
    }

    fn ahead(&self, elapsed: Duration) -> Option<Duration> {
        let due = Duration::from_secs_f64(self.moved as f64 / self.rate? as f64);
        due.checked_sub(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_ahead_of_its_rate_waits() {
        let pace = Pace { rate: Some(1000), started: Instant::now(), moved: 500 };
        assert_eq!(pace.ahead(Duration::from_millis(200)), Some(Duration::from_millis(300)));
        assert_eq!(pace.ahead(Duration::from_millis(700)), None);
        assert_eq!(Pace { rate: None, ..pace }.ahead(Duration::ZERO), None);
    }
}
