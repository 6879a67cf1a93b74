//! Whether to send a request again, and when: AWS's retry modes `standard` and `adaptive`.
//!
//! The parts are values without a clock or a lock: what one call has tried ([`Attempts`]), the tokens that retries of
//! all calls are paid with, the rate that all attempts keep to, and what a server asks for. [`Policy`] holds what the
//! calls of one client share.

mod attempts;
mod policy;
mod rate;
mod retry_after;
mod tokens;

pub(crate) use attempts::{Attempts, Decision, Failure};
pub(crate) use policy::Policy;
pub(crate) use retry_after::RetryAfter;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// A random number from 0 up to 1, good enough to keep clients from retrying in step.
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
