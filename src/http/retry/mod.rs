//! Decides whether and when to retry a request, following AWS's retry modes `standard` and `adaptive`.
//!
//! The parts are values without a clock or a lock: the attempts of one call ([`Attempts`]), the retry tokens shared by
//! all calls, the rate limit for all attempts, and the delay requested by a server. [`RetryPolicy`] holds what the calls of
//! one client share.

mod attempts;
mod policy;
mod rate;
mod retry_after;
mod throttling;
mod tokens;

pub(crate) use attempts::{AttemptFailure, Attempts, Decision};
pub(crate) use policy::RetryPolicy;
pub(crate) use retry_after::RetryAfter;
pub(crate) use throttling::is_throttling;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Returns a random number in `[0, 1)`, good enough to keep clients from retrying in step.
fn jitter() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    #[expect(clippy::cast_precision_loss, reason = "53 bits are all a float has")]
    let fraction = (random >> 11) as f64 / (1_u64 << 53) as f64;
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_in_range() {
        for _ in 0..1000 {
            assert!((0.0..1.0).contains(&jitter()));
        }
    }
}
