//! Whether to send a request again, and when: a pure decision.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use crate::http::fault::FaultKind;

/// A connection that went stale in the pool says nothing about the server: those do not count, up to this many.
const MAX_STALE: u32 = 3;
const MAX_BACKOFF: Duration = Duration::from_secs(20);
/// A server that asks for more patience than this is asked again too early.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// Why an attempt failed, as far as the decision goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There was no answer.
    NoAnswer(FaultKind),
    /// The server failed or asks for fewer requests; perhaps it says when to come back.
    Transient { retry_after: Option<Duration> },
    /// It would fail again.
    Permanent,
}

/// The attempts of one request so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempts {
    /// How many were made.
    pub(crate) made: u32,
    stale: u32,
}

impl Attempts {
    /// Takes note of a failed attempt. The time to wait before the next, or `None` to give up. `jitter` is a random
    /// number from 0 up to 1.
    pub(crate) fn failed(&mut self, failure: Failure, max_attempts: u32, jitter: f64) -> Option<Duration> {
        self.made += 1;
        let retry_after = match failure {
            Failure::NoAnswer(FaultKind::Stale) if self.stale < MAX_STALE => {
                self.stale += 1;
                return Some(Duration::ZERO);
            }
            Failure::NoAnswer(kind) if !passes(kind) => return None,
            Failure::NoAnswer(_) => None,
            Failure::Transient { retry_after } => retry_after,
            Failure::Permanent => return None,
        };
        let counted = self.made - self.stale;
        if counted >= max_attempts {
            return None;
        }
        let backoff = Duration::from_secs(1 << counted.min(5)).min(MAX_BACKOFF).mul_f64(jitter.clamp(0.0, 1.0));
        Some(retry_after.map_or(backoff, |wanted| wanted.min(MAX_RETRY_AFTER).max(backoff)))
    }
}

/// Whether it may be over soon.
fn passes(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::NameServer | FaultKind::Refused | FaultKind::Timeout | FaultKind::Stale | FaultKind::Broken
    )
}

/// The time a server asks to wait: `x-amz-retry-after` in milliseconds, else `Retry-After` in seconds.
pub(crate) fn retry_after(amz_millis: Option<&str>, seconds: Option<&str>) -> Option<Duration> {
    let millis = amz_millis.and_then(|text| text.parse().ok()).map(Duration::from_millis);
    millis.or_else(|| seconds.and_then(|text| text.parse().ok()).map(Duration::from_secs))
}

/// A random number from 0 up to 1, good enough to keep clients from retrying in step.
pub(crate) fn jitter() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    #[expect(clippy::cast_precision_loss, reason = "53 bits are all a float has")]
    let fraction = (random >> 11) as f64 / (1_u64 << 53) as f64;
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSIENT: Failure = Failure::Transient { retry_after: None };

    #[test]
    fn three_attempts_with_growing_pauses_then_no_more() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.failed(TRANSIENT, 3, 1.0), Some(Duration::from_secs(2)));
        assert_eq!(attempts.failed(TRANSIENT, 3, 0.5), Some(Duration::from_secs(2)));
        assert_eq!(attempts.failed(TRANSIENT, 3, 1.0), None);
        assert_eq!(attempts.made, 3);
        assert_eq!(Attempts::default().failed(TRANSIENT, 1, 1.0), None);
        let mut patient = Attempts { made: 40, stale: 0 };
        assert_eq!(patient.failed(TRANSIENT, 99, 1.0), Some(MAX_BACKOFF));
    }

    #[test]
    fn what_cannot_succeed_is_not_tried_again() {
        use FaultKind::*;
        for kind in [Payload, HostNotFound, UnknownIssuer, WrongName, Expired, Tls, PlainHttp, NotHttp] {
            assert_eq!(Attempts::default().failed(Failure::NoAnswer(kind), 3, 0.5), None, "{kind:?}");
        }
        for kind in [NameServer, Refused, Timeout, Broken] {
            assert!(Attempts::default().failed(Failure::NoAnswer(kind), 3, 0.5).is_some(), "{kind:?}");
        }
        assert_eq!(Attempts::default().failed(Failure::Permanent, 3, 0.5), None);
    }

    #[test]
    fn stale_connections_do_not_count_and_do_not_wait() {
        let mut attempts = Attempts::default();
        for _ in 0..3 {
            assert_eq!(attempts.failed(Failure::NoAnswer(FaultKind::Stale), 1, 1.0), Some(Duration::ZERO));
        }
        assert_eq!(attempts.failed(Failure::NoAnswer(FaultKind::Stale), 1, 1.0), None);
    }

    #[test]
    fn the_server_may_ask_for_a_longer_pause() {
        let failed = |seconds| {
            let retry_after = Some(Duration::from_secs(seconds));
            Attempts::default().failed(Failure::Transient { retry_after }, 3, 0.5)
        };
        assert_eq!(failed(7), Some(Duration::from_secs(7)));
        assert_eq!(failed(0), Some(Duration::from_secs(1)));
        assert_eq!(failed(9999), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after(Some("1500"), Some("9")), Some(Duration::from_millis(1500)));
        assert_eq!(retry_after(None, Some("9")), Some(Duration::from_secs(9)));
        assert_eq!(retry_after(Some("soon"), Some("Sun, 06 Nov 1994 08:49:37 GMT")), None);
    }

    #[test]
    fn jitter_stays_in_range() {
        for _ in 0..1000 {
            assert!((0.0..1.0).contains(&jitter()));
        }
    }
}
