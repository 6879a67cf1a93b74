//! Reads a text file that a setting names.

use std::io;
use std::path::Path;

use crate::base::Problem;
use crate::files::read_named_file;

/// Reads a file such as a token file. Bytes that are not UTF-8 become U+FFFD.
///
/// # Errors
/// If the file cannot be read or is longer than `limit` bytes.
pub(crate) fn read_text(path: &Path, what: &str, limit: u64) -> Result<String, Problem> {
    let bytes = read_named_file(path, limit).map_err(|error| unreadable(what, path, error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the error for a file that cannot be read.
pub(super) fn unreadable(what: &str, path: &Path, error: io::Error) -> Problem {
    Problem::new(format!("the {what} {} cannot be read", path.display())).source(error)
}
