//! Decides whether and when to retry a request, following AWS's retry modes `standard` and `adaptive`.
//!
//! The parts are values without a clock or a lock: the attempts of one call ([`Attempts`]), the retry tokens shared by
//! all calls, the rate limit for all attempts, and the delay requested by a server. [`RetryPolicy`] holds what the
//! calls of one client share.

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
