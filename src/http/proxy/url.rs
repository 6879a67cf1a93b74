//! Parses the URL of a proxy.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::base::{Secret, percent_decode};

/// A proxy of an unsupported kind.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) scheme: String,
}

/// A proxy that opens tunnels.
#[derive(Debug, PartialEq)]
pub(crate) struct Proxy {
    /// Whether the proxy itself uses TLS.
    pub(crate) https: bool,
    /// An IPv6 address is in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of `Proxy-Authorization`.
    pub(crate) authorization: Option<Secret>,
    /// The variable that names the proxy.
    pub(super) variable: &'static str,
}

/// Displays the proxy without user name and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({})", self.host, self.port, self.variable)
    }
}

/// Parses `[scheme://][user[:password]@]host[:port]`; the scheme defaults to `http`, and anything after that is
/// ignored. Returns `None` if the text is not a URL.
pub(super) fn parse(url: &str, variable: &'static str) -> Option<Result<Proxy, Unusable>> {
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        _ => ("http".to_owned(), url),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    let (https, default_port) = match scheme.as_str() {
        "http" => (false, 80),
        "https" => (true, 443),
        _ => return Some(Err(Unusable { scheme })),
    };
    let (host, port) = host_and_port(place, default_port)?;
    let authorization = match user {
        Some(user) => Some(basic(user)?),
        None => None,
    };
    Some(Ok(Proxy { https, host, port, authorization, variable }))
}

fn host_and_port(place: &str, default_port: u16) -> Option<(String, u16)> {
    let end = match place.strip_prefix('[') {
        Some(bracketed) => {
            let (address, _) = bracketed.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            address.len() + 2
        }
        None => place.find(':').unwrap_or(place.len()),
    };
    let (host, port) = place.split_at_checked(end)?;
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if host.is_empty() || !(is_name || host.starts_with('[')) {
        return None;
    }
    let port = match port {
        "" | ":" => default_port,
        _ => port.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?,
    };
    Some((host.to_ascii_lowercase(), port))
}

/// Returns the `Proxy-Authorization` value for a percent-encoded `user` or `user:password`.
fn basic(user: &str) -> Option<Secret> {
    if !user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%@".contains(&byte)) {
        return None;
    }
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let pair = format!("{}:{}", percent_decode(user, false)?, percent_decode(password, false)?);
    Some(Secret::from(format!("Basic {}", BASE64_STANDARD.encode(pair))))
}
