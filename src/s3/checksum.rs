//! Checksum headers, for buckets that reject writes without them: those with Object Lock.

use std::io;

use crate::object::Payload;

/// Whether a call sends a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    /// The call writes nothing, or cannot have a checksum.
    Never,
    /// If the server has asked for checksums.
    WhenWanted,
    Always,
}

/// Returns the checksum header of a body. Without a body, it names only the algorithm for the server to use.
///
/// # Errors
/// If the hash of the body cannot be computed.
pub(super) fn header(body: Option<&dyn Payload>) -> io::Result<(String, String)> {
    Ok(match body {
        Some(body) => ("x-amz-checksum-sha256".to_owned(), body.sha256()?.base64()),
        None => ("x-amz-checksum-algorithm".to_owned(), "SHA256".to_owned()),
    })
}
