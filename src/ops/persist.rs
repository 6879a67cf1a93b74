//! Repeats single requests whose failure is transient.
//!
//! By the time an error gets here, the client has retried as often as `retry_max_attempts` and its retry tokens allow.
//! An operation on many blobs makes many requests, so if a store fails a fifth of them, some request would exhaust its
//! retries. Requests that everything else depends on are repeated here, after a pause. A blob is tried again after all
//! the others ([`rounds`](super::rounds)).

use std::cell::Cell;
use std::slice;
use std::time::Duration;

use crate::base::{Error, Result, S3ErrorClass};
use crate::ops::context::Context;

/// The pauses between repetitions. Their number limits the repetitions.
pub(super) const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// A request that has failed for this long, including timeouts and retries, is not repeated.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Same as [`Error::is_transient`], for the first request of an operation: an unreachable store is given up immediately.
pub(super) fn is_transient_and_reached(error: &Error) -> bool {
    error.is_transient() && !error.is_unreachable()
}

/// Returns whether the store received different bytes than announced.
pub(super) fn is_damaged(error: &Error) -> bool {
    matches!(error, Error::S3(error) if error.class == S3ErrorClass::Corrupt)
}

/// Same as [`Error::is_transient`], but also accepts bytes damaged in transit, once.
pub(super) fn is_transient_or_damaged_once() -> impl Fn(&Error) -> bool {
    let damaged = Cell::new(false);
    move |error| error.is_transient() || (is_damaged(error) && !damaged.replace(true))
}

/// Runs `request`, and repeats it after a pause as long as it fails with a transient error.
///
/// # Errors
/// The first permanent error, or the last transient one.
pub(super) fn persist<T>(
    context: &Context,
    may_recover: impl Fn(&Error) -> bool,
    mut request: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut repeats = Repeats { context, begun: context.clock.monotonic(), pauses: PAUSES.iter() };
    loop {
        match request() {
            Err(error) if may_recover(&error) => repeats.pause(error)?,
            result => return result,
        }
    }
}

/// The repetitions that are left to a request.
struct Repeats<'a> {
    context: &'a Context,
    begun: Duration,
    pauses: slice::Iter<'static, Duration>,
}

impl Repeats<'_> {
    /// Waits before the request is repeated. Returns the error if it must not be.
    fn pause(&mut self, error: Error) -> Result<()> {
        let Context { clock, cancel, .. } = self.context;
        let Some(pause) = self.pauses.next() else { return Err(error) };
        if clock.monotonic().saturating_sub(self.begun) >= PATIENCE {
            return Err(error);
        }
        log::info!("{error}; repeating the request in {} s", pause.as_secs_f32());
        clock.sleep(*pause, cancel);
        cancel.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{S3Error, Verdict};

    #[test]
    fn no_response_is_transient_unless_to_the_first_request() {
        let error = Error::from(S3Error {
            operation: "GetObject",
            bucket: "cache".to_owned(),
            key: None,
            status: None,
            code: None,
            message: None,
            request_id: None,
            attempts: 3,
            class: S3ErrorClass::Network,
            hint: None,
            source: None,
            verdict: Verdict { transient: true, reached: false, about_operation: false, about_range: false },
        });
        assert!(error.is_transient() && !is_transient_and_reached(&error));
        let broken = Error::network("the connection broke");
        assert!(broken.is_transient() && is_transient_and_reached(&broken));
    }
}
