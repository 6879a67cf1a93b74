//! Decides what follows from a failed request for those after it.

use crate::base::{S3ErrorClass, Verdict};
use crate::http::Fault;
use crate::http::retry::AttemptFailure;
use crate::s3::answer::Answer;
use crate::s3::content_range::WRONG_RANGE;

/// Returns the verdict on a request without a response, or with one that was cut off.
pub(super) fn of_fault(fault: &Fault) -> Verdict {
    let reached = fault.broke();
    Verdict { transient: true, reached, about_operation: reached, about_range: false }
}

/// Returns the verdict on a refusal.
pub(super) fn of_refusal(class: S3ErrorClass, answer: &Answer) -> Verdict {
    use S3ErrorClass::{Access, Archived, Conflict, Corrupt, InvalidRange, NoSuchBucket, NotS3};
    use S3ErrorClass::{PreconditionFailed, Refused, Server, Throttled, Unsupported};
    let may_recover = matches!(class, Conflict | Refused | Server | Throttled);
    let transient = may_recover && answer.failure() != AttemptFailure::Permanent;
    let refused = matches!(
        class,
        Archived | Conflict | Corrupt | InvalidRange | NotS3 | PreconditionFailed | Refused | Unsupported
    );
    Verdict {
        transient,
        reached: true,
        about_operation: match class {
            Access | NoSuchBucket => false,
            // A web page with a success status must not receive any blobs.
            NotS3 => answer.status >= 300,
            _ => true,
        },
        about_range: answer.has_code(&[WRONG_RANGE]) || (refused && !transient),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(class: S3ErrorClass, status: u16, code: Option<&str>) -> Verdict {
        of_refusal(class, &Answer { status, code: code.map(str::to_owned), ..Answer::default() })
    }

    #[test]
    fn a_failing_store_may_recover_and_a_refusal_stays() {
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
            (Refused, 400, Some("KMS.InternalException"), true),
            (Refused, 400, Some("InvalidRequest"), false),
            (Access, 403, Some("AccessDenied"), false),
            (NoSuchBucket, 404, Some("NoSuchBucket"), false),
            (NotS3, 200, None, false),
        ] {
            assert_eq!(verdict(class, status, code).transient, expected, "{status} {code:?}");
        }
    }

    #[test]
    fn a_refusal_may_concern_the_operation_or_its_range() {
        use S3ErrorClass::{Access, Conflict, NoSuchBucket, NotS3, Refused, Server, Throttled, Unsupported};
        for (class, status, code, about_operation, about_range) in [
            (Access, 403, Some("AccessDenied"), false, false),
            (NoSuchBucket, 404, Some("NoSuchBucket"), false, false),
            (NotS3, 200, None, false, true),
            (NotS3, 404, None, true, true),
            (Server, 206, Some(WRONG_RANGE), true, true),
            (Server, 500, None, true, false),
            (Throttled, 503, Some("SlowDown"), true, false),
            (Conflict, 409, Some("OperationAborted"), true, false),
            (Conflict, 409, None, true, true),
            (Refused, 400, Some("InvalidRequest"), true, true),
            (Unsupported, 501, None, true, true),
        ] {
            let verdict = verdict(class, status, code);
            let found = (verdict.reached, verdict.about_operation, verdict.about_range);
            assert_eq!(found, (true, about_operation, about_range), "{status} {code:?}");
        }
    }
}
