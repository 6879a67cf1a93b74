//! The endpoint of a service: scheme, host and path.

use crate::config::EndpointUrl;
use crate::http::Origin;

/// The endpoint of a service: scheme, host and path.
#[derive(Clone, Debug)]
pub(crate) struct ServiceEndpoint {
    pub(crate) https: bool,
    /// Includes the port unless it is the scheme's default.
    pub(crate) host: String,
    /// The prefix of every path: empty, or starting with `/`.
    pub(crate) base_path: String,
}

impl ServiceEndpoint {
    /// Returns `None` for a directory.
    pub(crate) fn of(url: &EndpointUrl) -> Option<Self> {
        match url {
            EndpointUrl::Http { https, host, port, base_path } => {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                Some(Self { https: *https, host: format!("{host}{port}"), base_path: base_path.clone() })
            }
            EndpointUrl::File(_) => None,
        }
    }

    /// Returns the scheme and host.
    pub(super) fn origin(&self) -> Origin<'_> {
        Origin { https: self.https, host: &self.host }
    }

    /// Returns the URL without the path.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.host)
    }
}
