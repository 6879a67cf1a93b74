//! The state shared by the calls of one client: the maximum number of attempts, the retry tokens and the request rate.

use std::sync::Mutex;
use std::time::Duration;

use super::attempts::{AttemptFailure, Attempts, Decision};
use super::rate::Rate;
use super::tokens::Tokens;
use crate::base::{Cancel, Clock, Result, Unpoisoned as _, random_fraction};

/// One of AWS's retry modes, with the state shared by its calls.
#[derive(Debug)]
pub(crate) struct RetryPolicy {
    max_attempts: u32,
    tokens: Mutex<Tokens>,
    /// Set only in `adaptive` mode. The inner value is created by the first request, which knows the time.
    rate: Option<Mutex<Option<Rate>>>,
}

impl RetryPolicy {
    /// Returns the policy of the mode `standard`. `max_attempts` includes the first attempt.
    pub(crate) fn standard(max_attempts: u32) -> Self {
        Self { max_attempts, tokens: Mutex::default(), rate: None }
    }

    /// Returns the policy of the mode `adaptive`: `standard` with a rate limit.
    pub(crate) fn adaptive(max_attempts: u32) -> Self {
        Self { rate: Some(Mutex::default()), ..Self::standard(max_attempts) }
    }

    /// Waits until an attempt may be made.
    ///
    /// # Errors
    /// If `cancel` is cancelled, before or during the wait.
    pub(crate) fn wait_for_turn(&self, clock: &dyn Clock, cancel: &Cancel) -> Result<()> {
        loop {
            cancel.check()?;
            let Some(pause) = self.with_rate(clock, Rate::acquire).flatten() else { return Ok(()) };
            clock.sleep(pause, cancel);
        }
    }

    /// Records the outcome of an attempt; `None` means success.
    pub(crate) fn ended(&self, failure: Option<AttemptFailure>, clock: &dyn Clock) {
        let throttled = matches!(failure, Some(AttemptFailure::Throttled { .. }));
        self.with_rate(clock, |rate, now| rate.update(now, throttled));
    }

    /// Records that a call succeeded.
    pub(crate) fn succeeded(&self, attempts: &Attempts) {
        self.tokens.lock().unpoisoned().succeeded(attempts.cost);
    }

    /// Decides what to do after a failed attempt.
    pub(crate) fn failed(&self, attempts: &mut Attempts, failure: AttemptFailure) -> Decision {
        attempts.failed(failure, self.max_attempts, random_fraction(), |timed_out| {
            self.tokens.lock().unpoisoned().take(timed_out)
        })
    }

    fn with_rate<T>(&self, clock: &dyn Clock, change: impl FnOnce(&mut Rate, Duration) -> T) -> Option<T> {
        let rate = self.rate.as_ref()?;
        let now = clock.monotonic();
        Some(change(rate.lock().unpoisoned().get_or_insert_with(|| Rate::new(now)), now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// Time advances only in `sleep`.
    #[derive(Default)]
    struct Asleep(Mutex<Duration>);

    impl Clock for Asleep {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + self.monotonic()
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock().unpoisoned()
        }

        fn sleep(&self, duration: Duration, _: &Cancel) {
            *self.0.lock().unpoisoned() += duration;
        }
    }

    const THROTTLED: AttemptFailure = AttemptFailure::Throttled { retry_after: None };

    #[test]
    fn standard_mode_never_limits_the_rate() {
        let (policy, clock) = (RetryPolicy::standard(3), Asleep::default());
        for _ in 0..100 {
            policy.wait_for_turn(&clock, &Cancel::new()).unwrap();
            policy.ended(Some(THROTTLED), &clock);
        }
        assert_eq!(clock.monotonic(), Duration::ZERO);
    }

    #[test]
    fn adaptive_mode_waits_after_throttling_and_can_be_cancelled() {
        let (policy, clock, cancel) = (RetryPolicy::adaptive(3), Asleep::default(), Cancel::new());
        policy.wait_for_turn(&clock, &cancel).unwrap();
        policy.ended(Some(AttemptFailure::Permanent), &clock);
        policy.wait_for_turn(&clock, &cancel).unwrap();
        assert_eq!(clock.monotonic(), Duration::ZERO);
        policy.ended(Some(THROTTLED), &clock);
        policy.wait_for_turn(&clock, &cancel).unwrap();
        assert_eq!(clock.monotonic(), Duration::from_secs(2));
        cancel.cancel();
        assert!(policy.wait_for_turn(&clock, &cancel).is_err());
    }

    #[test]
    fn calls_share_the_retry_tokens() {
        let policy = RetryPolicy::standard(2);
        for _ in 0..100 {
            assert!(matches!(policy.failed(&mut Attempts::default(), THROTTLED), Decision::Retry(_)));
        }
        let mut attempts = Attempts::default();
        assert_eq!(policy.failed(&mut attempts, THROTTLED), Decision::OutOfTokens);
        attempts.cost = Some(5);
        policy.succeeded(&attempts);
        assert!(matches!(policy.failed(&mut Attempts::default(), THROTTLED), Decision::Retry(_)));
    }
}
