//! The rate limit of the mode `adaptive`. Requests are unlimited until a server throttles; then the rate is cut at
//! once, and rises along a cubic curve while requests succeed.

use std::time::Duration;

/// The weight of the newest measurement.
const SMOOTH: f64 = 0.8;
/// The factor by which throttling cuts the rate.
const BETA: f64 = 0.7;
/// The steepness of the cubic curve.
const SCALE: f64 = 0.4;
/// The minimum rate, in requests per second.
const MIN_FILL: f64 = 0.5;
const MIN_CAPACITY: f64 = 1.0;
/// The interval over which the rate is measured, in seconds.
const MEASURE_SECONDS: f64 = 0.5;

/// A limit on the rate of requests. Times are from one monotonic clock; rates are in requests per second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    enabled: bool,
    fill: f64,
    capacity: f64,
    tokens: f64,
    refilled_at: f64,
    measured: f64,
    measured_at: f64,
    requests: f64,
    last_max: f64,
    throttled_at: f64,
}

impl Rate {
    pub(super) fn new(now: Duration) -> Self {
        let now = now.as_secs_f64();
        Self { measured_at: slot(now), refilled_at: now, ..Self::default() }
    }

    /// Lets a request pass, or returns how long to wait before trying again.
    pub(super) fn acquire(&mut self, now: Duration) -> Option<Duration> {
        if !self.enabled {
            return None;
        }
        self.refill(now.as_secs_f64());
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((1.0 - self.tokens) / self.fill))
    }

    /// Records how a request ended.
    pub(super) fn update(&mut self, now: Duration, throttled: bool) {
        let now = now.as_secs_f64();
        self.measure(now);
        let calculated = if throttled {
            self.last_max = if self.enabled { self.measured.min(self.fill) } else { self.measured };
            self.throttled_at = now;
            self.enabled = true;
            self.last_max * BETA
        } else {
            let window = (self.last_max * (1.0 - BETA) / SCALE).cbrt();
            SCALE * (now - self.throttled_at - window).powi(3) + self.last_max
        };
        self.refill(now);
        let rate = calculated.min(2.0 * self.measured);
        self.fill = rate.max(MIN_FILL);
        self.capacity = rate.max(MIN_CAPACITY);
        self.tokens = self.tokens.min(self.capacity);
    }

    fn measure(&mut self, now: f64) {
        self.requests += 1.0;
        let slot = slot(now);
        if slot > self.measured_at {
            let current = self.requests / (slot - self.measured_at);
            self.measured = SMOOTH * current + (1.0 - SMOOTH) * self.measured;
            self.requests = 0.0;
            self.measured_at = slot;
        }
    }

    fn refill(&mut self, now: f64) {
        let passed = (now - self.refilled_at).max(0.0);
        self.tokens = self.capacity.min(self.tokens + passed * self.fill);
        self.refilled_at = now;
    }
}

fn slot(now: f64) -> f64 {
    (now / MEASURE_SECONDS).floor() * MEASURE_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[track_caller]
    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
    }

    /// Sends ten requests per second for two seconds, after which the measured rate is 10.
    fn busy() -> Rate {
        let mut rate = Rate::new(at(100.0));
        for tick in 0..=20 {
            rate.update(at(100.0 + f64::from(tick) / 10.0), false);
        }
        rate
    }

    #[test]
    fn the_rate_is_unlimited_until_the_first_throttle() {
        let mut rate = busy();
        assert!((0..1000).all(|_| rate.acquire(at(102.0)).is_none()));
        // Slots of 0.5 s: 6 requests in the first, 5 in each after, smoothed.
        close(rate.measured, 0.8 * (10.0 + 0.2 * (10.0 + 0.2 * (10.0 + 0.2 * 12.0))));
    }

    #[test]
    fn throttling_cuts_the_rate_to_70_percent() {
        let mut rate = busy();
        let before = rate.measured;
        rate.update(at(102.1), true);
        close(rate.fill, 0.7 * before);
        // The saved tokens are spent first; then each request waits for its own.
        assert!((0..100).take_while(|_| rate.acquire(at(102.1)).is_none()).count() <= 7);
        rate.tokens = 0.0;
        let wait = rate.acquire(at(102.1)).unwrap();
        close(wait.as_secs_f64(), 1.0 / rate.fill);
        assert_eq!(rate.acquire(at(102.1) + wait + at(0.001)), None);
        // The next cut starts from the measured or the allowed rate, whichever is lower.
        let allowed = rate.fill;
        rate.update(at(102.2), true);
        close(rate.fill, 0.7 * allowed.min(before));
    }

    #[test]
    fn the_rate_recovers_along_a_cubic_curve_up_to_twice_the_measured_rate() {
        let mut rate = busy();
        rate.update(at(102.1), true);
        let last_max = rate.last_max;
        let window = (last_max * 0.3 / 0.4).cbrt();
        rate.update(at(102.2), false);
        close(rate.fill, (0.4 * (0.1 - window).powi(3) + last_max).max(0.5));
        // After the window, the old rate is allowed again if that many requests are sent.
        let mut now = 102.2;
        while now < 102.1 + window {
            now += 0.1;
            rate.update(at(now), false);
        }
        assert!((rate.fill - last_max).abs() < 0.5, "{rate:?}");
        rate.update(at(now + 60.0), false);
        close(rate.fill, 2.0 * rate.measured);
    }

    #[test]
    fn one_request_in_two_seconds_is_always_allowed() {
        let mut rate = Rate::new(at(5.0));
        rate.update(at(5.1), true);
        close(rate.fill, 0.5);
        assert_eq!(rate.acquire(at(5.1)), Some(at(2.0)));
        assert_eq!(rate.acquire(at(7.1)), None);
        assert_eq!(rate.acquire(at(7.1)), Some(at(2.0)));
        // A clock that stands still or goes backwards does no harm.
        assert_eq!(rate.acquire(at(6.0)), Some(at(2.0)));
    }
}
