//! The attempts of one call: which failed, and whether to retry.

use std::time::Duration;

use super::retry_after::RetryAfter;
use crate::http::client::FaultKind;

/// A connection that went stale in the pool says nothing about the server. Up to this many such failures are not
/// counted.
const MAX_STALE: u32 = 3;
/// The longest pause. No jitter is applied once doubling reaches it.
const MAX_BACKOFF: Duration = Duration::from_secs(20);
/// The exponent of the last doubled pause: 2⁴ seconds.
const LAST_DOUBLED: u32 = 4;

/// Why an attempt failed, as far as the retry decision needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptFailure {
    /// There was no response.
    NoAnswer(FaultKind),
    /// The server failed, and may have sent a time to retry after.
    Transient { retry_after: Option<RetryAfter> },
    /// The server asked for fewer requests, and may have sent a time to retry after.
    Throttled { retry_after: Option<RetryAfter> },
    /// A retry would fail again.
    Permanent,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Retry after this pause.
    Retry(Duration),
    /// Report the failure.
    GiveUp,
    /// Report the failure, which would be retried if too many others had not failed.
    OutOfTokens,
}

/// The attempts of one call so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempts {
    /// The number of failed attempts.
    pub(crate) made: u32,
    /// How many of them do not count: the server was not to blame, or its response said what to change.
    free: u32,
    stale: u32,
    /// The tokens that the last retry cost.
    pub(super) cost: Option<u32>,
}

impl Attempts {
    /// Returns whether an attempt used a connection that had gone stale in the pool.
    pub(crate) fn met_stale(&self) -> bool {
        self.stale > 0
    }

    /// Records a failed attempt whose response said what to change. The corrected request is sent at once.
    pub(crate) fn corrected(&mut self) {
        self.made += 1;
        self.free += 1;
    }

    /// Records the failure of a call that is never retried.
    pub(crate) fn ended(&mut self) -> Decision {
        self.made += 1;
        Decision::GiveUp
    }

    /// Records a failed attempt. `jitter` is a random number in `[0, 1)`. `pay` takes the tokens for a retry after a
    /// timeout or another failure, and returns `None` if too few are left.
    pub(super) fn failed(
        &mut self,
        failure: AttemptFailure,
        max_attempts: u32,
        jitter: f64,
        pay: impl FnOnce(bool) -> Option<u32>,
    ) -> Decision {
        self.made += 1;
        let retry_after = match failure {
            AttemptFailure::NoAnswer(FaultKind::Stale) if self.stale < MAX_STALE => {
                self.stale += 1;
                self.free += 1;
                return Decision::Retry(Duration::ZERO);
            }
            AttemptFailure::NoAnswer(kind) if !passes(kind) => return Decision::GiveUp,
            AttemptFailure::NoAnswer(_) => None,
            AttemptFailure::Transient { retry_after } | AttemptFailure::Throttled { retry_after } => retry_after,
            AttemptFailure::Permanent => return Decision::GiveUp,
        };
        let counted = self.made - self.free;
        if counted >= max_attempts {
            return Decision::GiveUp;
        }
        let Some(cost) = pay(timed_out(failure)) else { return Decision::OutOfTokens };
        self.cost = Some(cost);
        let backoff = backoff(counted, jitter);
        Decision::Retry(retry_after.map_or(backoff, |wanted| wanted.pause(backoff)))
    }
}

fn timed_out(failure: AttemptFailure) -> bool {
    matches!(failure, AttemptFailure::NoAnswer(FaultKind::Timeout | FaultKind::NoHandshake))
}

/// Returns the pause after that many attempts.
fn backoff(attempts: u32, jitter: f64) -> Duration {
    if attempts > LAST_DOUBLED {
        return MAX_BACKOFF;
    }
    Duration::from_secs(1 << attempts).mul_f64(jitter.clamp(0.0, 1.0))
}

/// Returns whether the fault may be temporary.
fn passes(kind: FaultKind) -> bool {
    use FaultKind::{Broken, NameServer, NoHandshake, NoTunnel, OutOfFiles, Refused, Stale, Timeout};
    matches!(
        kind,
        NameServer | OutOfFiles | Refused | Timeout | NoHandshake | Stale | Broken | NoTunnel(429 | 502..=504)
    )
}

#[cfg(test)]
mod tests {
    use super::Decision::{GiveUp, OutOfTokens, Retry};
    use super::*;

    const TRANSIENT: AttemptFailure = AttemptFailure::Transient { retry_after: None };

    fn failed(attempts: &mut Attempts, failure: AttemptFailure, max_attempts: u32, jitter: f64) -> Decision {
        attempts.failed(failure, max_attempts, jitter, |timeout| Some(if timeout { 10 } else { 5 }))
    }

    fn seconds(seconds: u64) -> Decision {
        Retry(Duration::from_secs(seconds))
    }

    #[test]
    fn three_attempts_are_made_with_growing_pauses() {
        let mut attempts = Attempts::default();
        assert_eq!(failed(&mut attempts, TRANSIENT, 3, 1.0), seconds(2));
        assert_eq!(failed(&mut attempts, TRANSIENT, 3, 0.5), seconds(2));
        assert_eq!(failed(&mut attempts, TRANSIENT, 3, 1.0), GiveUp);
        assert_eq!(attempts.made, 3);
        assert_eq!(failed(&mut Attempts::default(), TRANSIENT, 1, 1.0), GiveUp);
    }

    #[test]
    fn pauses_double_up_to_twenty_seconds() {
        let mut attempts = Attempts::default();
        for pause in [2, 4, 8, 16, 20, 20, 20] {
            assert_eq!(failed(&mut attempts, TRANSIENT, u32::MAX, 1.0), seconds(pause));
        }
        // No jitter from here on.
        assert_eq!(failed(&mut attempts, TRANSIENT, u32::MAX, 0.0), seconds(20));
        assert_eq!(failed(&mut Attempts::default(), TRANSIENT, 3, 0.0), seconds(0));
    }

    #[test]
    fn permanent_failures_are_not_retried() {
        use FaultKind::*;
        for kind in [
            Payload,
            HostNotFound,
            UnknownIssuer,
            WrongName,
            Expired,
            Tls,
            PlainHttp,
            SpeaksTls,
            NoTunnel(403),
            NotHttp,
        ] {
            assert_eq!(failed(&mut Attempts::default(), AttemptFailure::NoAnswer(kind), 3, 0.5), GiveUp, "{kind:?}");
        }
        for kind in [NameServer, OutOfFiles, Refused, Timeout, NoHandshake, Broken, NoTunnel(503)] {
            assert_eq!(
                failed(&mut Attempts::default(), AttemptFailure::NoAnswer(kind), 3, 0.5),
                seconds(1),
                "{kind:?}"
            );
        }
        assert_eq!(failed(&mut Attempts::default(), AttemptFailure::Permanent, 3, 0.5), GiveUp);
    }

    #[test]
    fn stale_connections_are_replaced_at_once_and_not_counted() {
        let mut attempts = Attempts::default();
        let stale = AttemptFailure::NoAnswer(FaultKind::Stale);
        for _ in 0..3 {
            assert_eq!(attempts.failed(stale, 1, 1.0, |_| None), seconds(0));
        }
        assert_eq!(failed(&mut attempts, stale, 1, 1.0), GiveUp);
        assert_eq!(attempts.made, 4);
    }

    #[test]
    fn a_corrected_request_is_not_counted() {
        let mut attempts = Attempts::default();
        attempts.corrected();
        assert_eq!(failed(&mut attempts, TRANSIENT, 2, 1.0), seconds(2));
        assert_eq!(failed(&mut attempts, TRANSIENT, 2, 1.0), GiveUp);
        assert_eq!(attempts.made, 3);
    }

    #[test]
    fn a_server_can_lengthen_the_pause() {
        let wanted = Some(RetryAfter::Plain(Duration::from_secs(7)));
        for failure in
            [AttemptFailure::Transient { retry_after: wanted }, AttemptFailure::Throttled { retry_after: wanted }]
        {
            assert_eq!(failed(&mut Attempts::default(), failure, 3, 0.5), seconds(7));
        }
    }

    #[test]
    fn retries_cost_tokens_and_timeouts_cost_more() {
        let mut attempts = Attempts::default();
        failed(&mut attempts, AttemptFailure::NoAnswer(FaultKind::Timeout), 3, 0.0);
        assert_eq!(attempts.cost, Some(10));
        failed(&mut attempts, TRANSIENT, 3, 0.0);
        assert_eq!(attempts.cost, Some(5));
        assert_eq!(Attempts::default().failed(TRANSIENT, 3, 0.0, |_| None), OutOfTokens);
        // A permanent failure takes no tokens.
        let never = |_: bool| -> Option<u32> { panic!("paid") };
        assert_eq!(Attempts::default().failed(TRANSIENT, 1, 0.0, never), GiveUp);
        assert_eq!(Attempts::default().failed(AttemptFailure::Permanent, 3, 0.0, never), GiveUp);
    }
}
