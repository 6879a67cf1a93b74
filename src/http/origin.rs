//! The scheme and host of a request.

use ureq::http::Uri;

/// The scheme and host of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    pub(crate) https: bool,
    /// The `Host` header: the host, with the port unless it is the scheme's default. An IPv6 address is in brackets.
    pub(crate) host: &'a str,
}

impl<'a> Origin<'a> {
    pub(super) fn of_uri(uri: &'a Uri) -> Self {
        let host = uri.authority().map_or("", |authority| authority.as_str());
        Self { https: uri.scheme_str() == Some("https"), host }
    }

    pub(super) fn scheme(self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    pub(super) fn default_port(self) -> u16 {
        if self.https { 443 } else { 80 }
    }
}

/// Returns the host and the port of a URI, with brackets around an IPv6 address.
pub(super) fn host_and_port(uri: &Uri) -> (&str, u16) {
    let port = uri.port_u16().unwrap_or_else(|| Origin::of_uri(uri).default_port());
    (uri.host().unwrap_or_default(), port)
}

/// Removes the brackets around an IPv6 address.
pub(super) fn without_brackets(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
