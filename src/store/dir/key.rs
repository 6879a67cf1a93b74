//! Keys that can be paths: every segment is a valid file name.

use crate::base::{Error, Result};

/// S3's limit.
const MAX_KEY_BYTES: usize = 1024;
/// The limit of almost every file system.
const MAX_SEGMENT_BYTES: usize = 255;

/// Checks that `key` stays inside the bucket and maps to exactly one path.
///
/// # Errors
/// [`Error::Usage`] if it cannot be a path.
pub(super) fn check(key: &str) -> Result<()> {
    let why = if key.len() > MAX_KEY_BYTES {
        format!("is longer than {MAX_KEY_BYTES} bytes")
    } else if !key.split('/').all(is_name) {
        format!(
            "cannot be a path: each part between slashes must have 1 to {MAX_SEGMENT_BYTES} bytes, no control \
             characters, and be neither . nor .."
        )
    } else {
        return Ok(());
    };
    let shown: String = key.chars().take(100).collect();
    Err(Error::usage(format!("the key {shown:?} {why}")).with_hint("use another name or prefix"))
}

/// Returns whether `segment` is a valid name for a file or directory in the bucket.
pub(super) fn is_name(segment: &str) -> bool {
    (1..=MAX_SEGMENT_BYTES).contains(&segment.len())
        && !matches!(segment, "." | "..")
        && !segment.contains(|c: char| c.is_control() || c == '/')
}

/// Splits a key into the directory names and the file name.
pub(super) fn split(key: &str) -> (impl Iterator<Item = &str>, &str) {
    let (parents, name) = key.rsplit_once('/').unwrap_or(("", key));
    (parents.split('/').filter(|segment| !segment.is_empty()), name)
}
