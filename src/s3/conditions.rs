//! The conditions of writes and deletions.

use crate::object::{PutMode, Version};
use crate::s3::answer::Cause;

/// Returns the header that expresses the condition of a write.
pub(super) fn header(mode: &PutMode) -> Option<(String, String)> {
    match mode {
        PutMode::Overwrite => None,
        PutMode::Create => Some(("if-none-match".to_owned(), "*".to_owned())),
        PutMode::Replace(version) => Some(if_match(version)),
    }
}

/// Returns the header that requires this version.
pub(super) fn if_match(version: &Version) -> (String, String) {
    ("if-match".to_owned(), version.as_str().to_owned())
}

/// Returns whether a conditional write failed because its condition does not hold, or because another write is in
/// progress.
pub(super) fn is_unmet(mode: &PutMode, cause: &Cause) -> bool {
    let Cause::Refused(answer) = cause else { return false };
    match mode {
        PutMode::Overwrite => false,
        PutMode::Create => answer.is_unmet_condition(),
        // S3 reports that the object to replace does not exist.
        PutMode::Replace(_) => answer.is_unmet_condition() || answer.is_not_found(),
    }
}
