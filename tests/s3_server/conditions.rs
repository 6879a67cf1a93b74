//! Conditions of writes and deletions, as S3 documents them for general purpose buckets.

use super::bucket::Bucket;
use super::failure::{Failure, invalid_argument, no_such_key, not_implemented, precondition_failed};
use super::handlers::Call;

/// What a store does with the conditions of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conditions {
    /// AWS and MinIO.
    Checked,
    /// Backblaze B2; for `If-Match`, Swift.
    Refused,
    /// Garage, JuiceFS.
    Ignored,
}

/// Checks the condition of PutObject or CompleteMultipartUpload.
pub(crate) fn check_write(call: &Call<'_>, bucket: &Bucket) -> Result<(), Failure> {
    let (if_match, if_none_match) = (call.head.header("if-match"), call.head.header("if-none-match"));
    match call.config.conditions {
        Conditions::Ignored => return Ok(()),
        Conditions::Refused if if_match.is_some() => return Err(not_implemented("If-Match")),
        Conditions::Refused if if_none_match.is_some() => return Err(not_implemented("If-None-Match")),
        Conditions::Refused | Conditions::Checked => {}
    }
    let found = bucket.objects.get(&call.route.key);
    match (if_match, if_none_match) {
        (Some(_), Some(_)) => Err(invalid_argument("If-Match and If-None-Match are given both")),
        (None, Some("*")) if found.is_some() => Err(precondition_failed("If-None-Match")),
        (None, Some("*") | None) => Ok(()),
        (None, Some(_)) => Err(not_implemented("If-None-Match")),
        (Some(tag), None) => check_tag(call, tag, found.map(|object| object.etag.as_str())),
    }
}

/// Checks the condition of DeleteObject.
pub(crate) fn check_delete(call: &Call<'_>, bucket: &Bucket) -> Result<(), Failure> {
    let Some(tag) = call.head.header("if-match") else { return Ok(()) };
    match call.config.conditions {
        Conditions::Ignored => Ok(()),
        Conditions::Refused => Err(not_implemented("If-Match")),
        Conditions::Checked => {
            check_tag(call, tag, bucket.objects.get(&call.route.key).map(|object| object.etag.as_str()))
        }
    }
}

/// An absent key is 404, not 412.
fn check_tag(call: &Call<'_>, tag: &str, found: Option<&str>) -> Result<(), Failure> {
    match found {
        None => Err(no_such_key(&call.route.key)),
        Some(found) if tag == "*" || tag == found => Ok(()),
        Some(_) => Err(precondition_failed("If-Match")),
    }
}
