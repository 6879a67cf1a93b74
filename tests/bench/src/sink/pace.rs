//! Limits the rate of a transfer.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::statistics::Statistics;

/// The number of bytes to move at once if each connection has a rate: a few milliseconds' worth. Each step wakes up
/// both sides.
const STEP: usize = 512 * 1024;

/// The number of bytes to move at once if all connections share one line. They take turns, so this is the unit of
/// sharing.
const TURN: usize = 64 * 1024;

/// The time that an idle line may fall behind and still catch up, which makes up for late wake-ups.
const SLACK: Duration = Duration::from_millis(5);

/// A line that all connections share.
pub(super) struct Line(Mutex<State>);

struct State {
    /// Bytes per second; `None` is no limit.
    rate: Option<u64>,
    /// The time until which the line is taken.
    taken: Instant,
    /// The number of times that the limit was changed.
    changes: u64,
}

impl Line {
    pub(super) fn new(rate: Option<u64>) -> Self {
        Self(Mutex::new(State { rate, taken: Instant::now(), changes: 0 }))
    }

    /// Changes the limit, and cuts off the bodies under way if there was one: what is in the buffers of the kernel
    /// does not pass the line any more.
    pub(super) fn limit(&self, rate: Option<u64>) {
        let mut state = self.state();
        *state = State { rate, taken: Instant::now(), changes: state.changes + 1 };
    }

    /// Takes the line for `bytes` after all that was taken before, and returns the time at which they are through.
    fn take(&self, bytes: usize, now: Instant) -> Instant {
        let mut state = self.state();
        let Some(rate) = state.rate else { return now };
        let idle_since = now.checked_sub(SLACK).unwrap_or(now);
        state.taken = state.taken.max(idle_since) + Duration::from_secs_f64(bytes as f64 / rate as f64);
        state.taken
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One body's progress against the rate of its connection and that of the line. Idle time is not credited.
pub(super) struct Pace<'a> {
    rate: Option<u64>,
    /// The line and its number of changes, or `None` if it has no limit, so that it costs nothing.
    line: Option<(&'a Line, u64)>,
    statistics: &'a Statistics,
    started: Instant,
    moved: u64,
}

impl<'a> Pace<'a> {
    pub(super) fn new(rate: Option<u64>, line: &'a Line, statistics: &'a Statistics) -> Self {
        let line = {
            let state = line.state();
            state.rate.map(|_| (line, state.changes))
        };
        Self { rate, line, statistics, started: Instant::now(), moved: 0 }
    }

    /// Returns the largest piece to move at once.
    pub(super) fn step(&self, unpaced: usize) -> usize {
        match (self.line, self.rate) {
            (Some(_), _) => TURN,
            (None, Some(_)) => STEP,
            (None, None) => unpaced,
        }
    }

    /// Counts `bytes` more, which have been moved, and waits until they were due.
    ///
    /// # Errors
    ///
    /// If the line's limit was changed meanwhile.
    pub(super) fn moved(&mut self, bytes: usize) -> io::Result<()> {
        self.statistics.moved(bytes);
        self.moved += bytes as u64;
        if let Some(wait) = self.ahead(self.started.elapsed()) {
            sleep(wait);
        }
        if let Some((line, changes)) = self.line {
            let now = Instant::now();
            sleep(line.take(bytes, now).saturating_duration_since(now));
            if line.state().changes != changes {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        Ok(())
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
        let (line, statistics) = (Line::new(None), Statistics::default());
        let pace = Pace { moved: 500, ..Pace::new(Some(1000), &line, &statistics) };
        assert_eq!(pace.ahead(Duration::from_millis(200)), Some(Duration::from_millis(300)));
        assert_eq!(pace.ahead(Duration::from_millis(700)), None);
        assert_eq!(Pace { rate: None, ..pace }.ahead(Duration::ZERO), None);
    }

    #[test]
    fn connections_take_turns_on_one_line() {
        let line = Line::new(Some(1000));
        let start = line.state().taken;
        let after = |bytes, now| line.take(bytes, start + Duration::from_millis(now)) - start;
        // Two connections at the same time: the second waits for the first one's bytes as well.
        assert_eq!(after(100, 0), Duration::from_millis(100));
        assert_eq!(after(100, 0), Duration::from_millis(200));
        // One that comes back after the line was idle does not catch up, but for the slack.
        assert_eq!(after(100, 1000), Duration::from_millis(1100) - SLACK);
        line.limit(None);
        assert_eq!(after(100, 1000), Duration::from_millis(1000));
    }

    #[test]
    fn a_new_limit_cuts_off_what_is_under_way() {
        let (line, statistics) = (Line::new(Some(1_000_000)), Statistics::default());
        let mut under_way = Pace::new(None, &line, &statistics);
        assert!(under_way.moved(10).is_ok());
        line.limit(None);
        assert!(under_way.moved(10).is_err());
        assert!(Pace::new(None, &line, &statistics).moved(10).is_ok());
        assert_eq!(statistics.json(0, 0)["moved"], 30);
    }
}
