//! The address of a server.

use std::path::PathBuf;

#[derive(Clone)]
pub(crate) struct Endpoint {
    /// `sink` or `seaweedfs`, followed by `+tls` if it uses TLS.
    pub(crate) name: String,
    /// The scheme, host and port.
    pub(crate) url: String,
    /// The authority that issued its certificate.
    pub(crate) ca: Option<PathBuf>,
}

impl Endpoint {
    /// Returns the host and port.
    pub(crate) fn authority(&self) -> &str {
        self.url.split_once("://").map_or("", |(_, authority)| authority)
    }
}
