//! Decides which failures are transient, and repeats single requests that fail with a transient one.
//!
//! By the time an error gets here, the client has retried as often as `retry_max_attempts` and its retry tokens allow.
//! An operation on many blobs makes many requests, so if a store fails a fifth of them, some request would exhaust its
//! retries. Requests that everything else depends on are repeated here, after a pause. A blob is tried again after all
//! the others ([`rounds`](super::rounds)).

use std::cell::Cell;
use std::time::Duration;

use crate::base::{Error, Result, S3Error, S3ErrorClass};
use crate::ops::context::Context;
use crate::s3::connection_broke;

/// The pauses between repetitions. Their number limits the repetitions.
pub(super) const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// A request that has failed for this long, including timeouts and retries, is not repeated.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Returns whether the same request may succeed later: the store failed or throttled, or the connection broke.
pub(super) fn is_transient(error: &Error) -> bool {
    match error {
        Error::S3(error) if error.class == S3ErrorClass::Network => true,
        error => is_transient_at_first(error),
    }
}

/// Same as [`is_transient`], for the first request of an operation: an unreachable store is given up immediately.
pub(super) fn is_transient_at_first(error: &Error) -> bool {
    match error {
        Error::S3(error) => match error.class {
            S3ErrorClass::Throttled => true,
            S3ErrorClass::Network => connection_broke(error),
            S3ErrorClass::Server => matches!(error.status, Some(200..300 | 500 | 502..=504 | 520..=526)),
            S3ErrorClass::Conflict => has_code(error, &["OperationAborted", "ConditionalRequestConflict"]),
            S3ErrorClass::Refused => error.status == Some(408) || has_code(error, &["RequestTimeout"]),
            _ => false,
        },
        Error::Network(_) => true,
        _ => false,
    }
}

/// Returns whether the store received different bytes than announced.
pub(super) fn is_damaged(error: &Error) -> bool {
    matches!(error, Error::S3(error) if error.class == S3ErrorClass::Corrupt)
}

/// Same as [`is_transient`], but also accepts bytes damaged in transit, once.
pub(super) fn transient_or_damaged_once() -> impl Fn(&Error) -> bool {
    let damaged = Cell::new(false);
    move |error| is_transient(error) || (is_damaged(error) && !damaged.replace(true))
}

fn has_code(error: &S3Error, codes: &[&str]) -> bool {
    error.code.as_deref().is_some_and(|code| codes.contains(&code))
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
    let begun = context.clock.monotonic();
    for pause in PAUSES {
        match request() {
            Err(error) if may_recover(&error) && context.clock.monotonic().saturating_sub(begun) < PATIENCE => {
                log::info!("{error}; repeating the request in {} s", pause.as_secs_f32());
                context.clock.sleep(pause, &context.cancel);
                context.cancel.check()?;
            }
            result => return result,
        }
    }
    request()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Problem;

    fn refusal(class: S3ErrorClass, status: u16, code: Option<&str>) -> Error {
        S3Error {
            operation: "GetObject",
            bucket: "cache".to_owned(),
            key: None,
            status: Some(status),
            code: code.map(str::to_owned),
            message: None,
            request_id: None,
            attempts: 3,
            class,
            hint: None,
            source: None,
        }
        .into()
    }

    #[test]
    fn store_failures_are_transient_and_refusals_are_permanent() {
        use S3ErrorClass::{Access, Conflict, NoSuchBucket, NotS3, Refused, Server, Throttled};
        for (class, status, code, expected) in [
            (Server, 500, Some("InternalError"), true),
            (Server, 503, None, true),
            (Server, 522, None, true),
            (Server, 200, Some("InternalError"), true),
            (Server, 501, Some("NotImplemented"), false),
            (Server, 507, None, false),
            (Throttled, 503, Some("SlowDown"), true),
            (Throttled, 429, None, true),
            (Conflict, 409, Some("OperationAborted"), true),
            (Conflict, 412, Some("PreconditionFailed"), false),
            (Refused, 408, None, true),
            (Refused, 400, Some("RequestTimeout"), true),
            (Refused, 400, Some("InvalidRequest"), false),
            (Access, 403, Some("AccessDenied"), false),
            (NoSuchBucket, 404, Some("NoSuchBucket"), false),
            (NotS3, 200, None, false),
        ] {
            assert_eq!(is_transient(&refusal(class, status, code)), expected, "{status} {code:?}");
        }
    }

    #[test]
    fn no_response_is_transient_unless_to_the_first_request() {
        let mut error = refusal(S3ErrorClass::Network, 0, None);
        if let Error::S3(error) = &mut error {
            error.status = None;
        }
        assert!(is_transient(&error) && !is_transient_at_first(&error));
        let broken = Error::Network(Problem::new("the connection broke"));
        assert!(is_transient(&broken) && is_transient_at_first(&broken));
    }
}
