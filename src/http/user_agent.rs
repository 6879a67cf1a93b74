//! The name of this program in requests.

/// Sent to servers and proxies.
pub(super) const USER_AGENT: &str = concat!("s3-build-cache/", env!("CARGO_PKG_VERSION"));
