//! The rate over the last seconds.

use std::time::Duration;

/// Long enough to smooth over blobs that end at once, short enough that a stall shows.
pub(super) const WINDOW: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(250);
/// A rate over less time jumps.
const SHORTEST: Duration = Duration::from_millis(500);

/// The totals of the last seconds.
#[derive(Default)]
pub(super) struct Rate(Vec<(Duration, u64)>);

/// How many units were done in how many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    units: u64,
    millis: u64,
}

impl Rate {
    /// Records the total at a time.
    pub(super) fn note(&mut self, now: Duration, total: u64) {
        if self.0.last().is_some_and(|(at, _)| now < *at + STEP) {
            return;
        }
        while self.0.get(1).is_some_and(|(at, _)| *at + WINDOW <= now) {
            self.0.remove(0);
        }
        self.0.push((now, total));
    }

    /// Returns the pace at a time, or `None` if it is too early to tell.
    pub(super) fn pace(&self, now: Duration, total: u64) -> Option<Pace> {
        let old = self.0.iter().rev().find(|(at, _)| *at + WINDOW <= now);
        let (at, before) = old.or(self.0.first())?;
        let elapsed = now.saturating_sub(*at);
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        (elapsed >= SHORTEST).then_some(Pace { units: total.saturating_sub(*before), millis })
    }
}

impl Pace {
    pub(super) fn per_second(self) -> u64 {
        self.units.saturating_mul(1000) / self.millis.max(1)
    }

    /// Returns how many seconds the rest takes, or `None` in a stall.
    pub(super) fn seconds_for(self, rest: u64) -> Option<u64> {
        Some(rest.saturating_mul(self.millis).checked_div(self.units)?.div_ceil(1000))
    }
}

/// Formats the time that is left, in at most six columns: `12s`, `3m05s`, `1h02m`.
pub(super) fn eta(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..360_000 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{}d", (hours / 24).min(99_999)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Notes 1000 units a second for that many seconds.
    fn steady(seconds: u64) -> Rate {
        let mut rate = Rate::default();
        (0..=seconds * 4).for_each(|quarter| rate.note(at(quarter * 250), quarter * 250));
        rate
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds_and_decays_in_a_stall() {
        let rate = steady(20);
        for (now, total, per_second, seconds) in [
            (20_000, 20_000, 1000, Some(10)),
            (21_000, 20_000, 800, Some(13)),
            (22_500, 20_000, 500, Some(20)),
            (24_750, 20_000, 50, Some(200)),
            (25_000, 20_000, 0, None),
            (900_000, 20_000, 0, None),
            // A blob that starts over is no transfer.
            (20_000, 3_000, 0, None),
        ] {
            let pace = rate.pace(at(now), total).unwrap();
            assert_eq!((pace.per_second(), pace.seconds_for(10_000)), (per_second, seconds), "{now} {total}");
        }
    }

    #[test]
    fn it_is_unknown_at_first() {
        let mut rate = Rate::default();
        assert_eq!(rate.pace(at(0), 5), None);
        rate.note(at(1000), 0);
        assert_eq!(rate.pace(at(1400), 9_000_000), None);
        assert_eq!(rate.pace(at(1500), 500).unwrap().per_second(), 1000);
    }

    #[test]
    fn it_recovers_after_a_stall_and_remembers_little() {
        let mut rate = steady(20);
        (200..=600).for_each(|tenth| rate.note(at(tenth * 100), 20_000));
        let per_second = rate.pace(at(61_000), 21_000).unwrap().per_second();
        assert!((190..=200).contains(&per_second), "{per_second}");
        assert!(rate.0.len() < 25, "{}", rate.0.len());
    }

    #[test]
    fn the_time_left_has_two_units_and_fits_its_column() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m00s"),
            (3599, "59m59s"),
            (3720, "1h02m"),
            (359_999, "99h59m"),
            (360_000, "4d"),
            (u64::MAX, "99999d"),
        ] {
            assert_eq!(eta(seconds), text);
            assert!(text.len() <= 6);
        }
    }

    #[test]
    fn huge_numbers_do_not_overflow() {
        let mut rate = Rate::default();
        rate.note(at(0), 0);
        let pace = rate.pace(at(1000), u64::MAX).unwrap();
        assert!(pace.per_second() > 0 && pace.seconds_for(u64::MAX).is_some());
    }
}
