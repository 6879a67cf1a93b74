//! Checksum headers, for buckets that refuse what is written without: those with Object Lock.

use crate::base::Payload;

/// Whether a checksum goes with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    /// The call writes nothing, or cannot have one.
    Never,
    /// Once the server has asked for checksums.
    WhenWanted,
    Always,
}

/// The checksum of a body. What has no body names only the algorithm, which the server is to use.
pub(super) fn header(body: Option<&dyn Payload>) -> (String, String) {
    match body {
        Some(body) => ("x-amz-checksum-sha256".to_owned(), body.sha256().base64()),
        None => ("x-amz-checksum-algorithm".to_owned(), "SHA256".to_owned()),
    }
}
