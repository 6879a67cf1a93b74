//! Where a server is.

use std::path::PathBuf;

#[derive(Clone)]
pub(crate) struct Endpoint {
    /// `sink` or `seaweedfs`, with `+tls` where it speaks it.
    pub(crate) name: String,
    /// Scheme, host and port.
    pub(crate) url: String,
    /// The authority that its certificate is from.
    pub(crate) ca: Option<PathBuf>,
}

impl Endpoint {
    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        self.url.split_once("://").map_or("", |(_, authority)| authority)
    }
}
