//! The difference between our clock and the server's.

use std::time::{Duration, SystemTime};

/// A smaller clock error is not the cause of a refusal: servers allow 15 minutes.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::from_secs(4 * 60);

/// Describes the error of our clock, given how many seconds the server's clock is ahead.
pub(super) fn clock_text(ahead: i64) -> String {
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    format!("this machine's clock is {} s {side} the server's", ahead.unsigned_abs())
}

/// Returns `one` minus `other` in seconds.
pub(super) fn difference(one: SystemTime, other: SystemTime) -> Option<i64> {
    match one.duration_since(other) {
        Ok(after) => i64::try_from(after.as_secs()).ok(),
        Err(before) => i64::try_from(before.duration().as_secs()).ok().map(|seconds| -seconds),
    }
}

/// Returns the time shifted by this many seconds, earlier if negative.
pub(super) fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    shifted.unwrap_or(time)
}
