//! Keys that can be paths: every segment is a file name.

use crate::base::{Error, Problem, Result};

/// S3's limit.
const MAX_KEY_BYTES: usize = 1024;
/// The limit of nearly every file system.
const MAX_SEGMENT_BYTES: usize = 255;

/// Makes sure that `key` stays inside the bucket and is one path only.
///
/// # Errors
/// [`Error::Usage`] when it cannot be a path.
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
    Err(Error::Usage(Problem::new(format!("the key {shown:?} {why}")).hint("use another name or prefix")))
}

/// Whether `segment` can be the name of a file or directory in the bucket.
pub(super) fn is_name(segment: &str) -> bool {
    (1..=MAX_SEGMENT_BYTES).contains(&segment.len())
        && !matches!(segment, "." | "..")
        && !segment.contains(|c: char| c.is_control() || c == '/')
}

/// The names of the directories, and that of the file.
pub(super) fn split(key: &str) -> (impl Iterator<Item = &str>, &str) {
    let (parents, name) = key.rsplit_once('/').unwrap_or(("", key));
    (parents.split('/').filter(|segment| !segment.is_empty()), name)
}
