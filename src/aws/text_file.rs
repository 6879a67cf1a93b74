//! Reads a text file that a setting names.

use std::path::Path;

use crate::base::{Error, Result};
use crate::files::read_named_file;

/// Reads a file such as a token file. Bytes that are not UTF-8 become U+FFFD.
///
/// # Errors
/// [`Error::Access`] if the file cannot be read or is longer than `limit` bytes.
pub(crate) fn read_text(path: &Path, what: &str, limit: u64) -> Result<String> {
    let bytes =
        read_named_file(path, limit).map_err(|error| Error::access(cannot_read(what, path)).with_source(error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the message for a file that cannot be read.
pub(super) fn cannot_read(what: &str, path: &Path) -> String {
    format!("the {what} {} cannot be read", path.display())
}
