//! The URL of a container's credential agent.

use std::io;
use std::net::IpAddr;

use crate::credentials::{full_uri, relative_uri};

/// The hosts to which a container's token may be sent without TLS. Listed explicitly, because the reader checks classes
/// of addresses.
const ALLOWED: [&str; 5] = ["localhost", "agent", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// An accepted URL is sent as written, and without TLS only to loopback and the agents of AWS. Errors about other URLs
/// do not depend on the path and user name.
pub fn container_uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok((site, target)) = relative_uri(text) {
        assert_eq!((site.url().as_str(), target.as_str()), ("http://169.254.170.2", text));
    }
    let (before, host, after) = apart(text);
    let result = full_uri(text, &resolve);
    if let Ok((site, target)) = &result {
        assert!(target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'));
        assert_eq!(target.trim_start_matches('/'), after.split('#').next().unwrap_or_default().trim_start_matches('/'));
        assert!(!before.contains('@') && !host.contains('@'));
        assert!(site.https || is_allowed(host), "{text:?}");
        assert_eq!(name(host).to_ascii_lowercase(), name(&site.host), "{text:?}");
    }
    let other = |text: &str| text.replace(|c: char| c.is_ascii_alphanumeric(), "x");
    let (user, place) = host.rsplit_once('@').map_or((String::new(), host), |(user, place)| (other(user) + "@", place));
    let other = full_uri(&format!("{before}{user}{place}{}", other(after)), &resolve);
    let error = |result: &crate::base::Result<_>| result.as_ref().err().map(|error| format!("{error:?}"));
    assert_eq!(error(&result), error(&other.map(|(site, _)| (site, String::new()))));
}

/// Splits a URL into scheme, authority and the rest.
fn apart(text: &str) -> (&str, &str, &str) {
    let start = text.find("://").map_or(0, |at| at + 3);
    let (before, rest) = text.split_at_checked(start).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, after) = rest.split_at_checked(end).unwrap_or_default();
    (before, host, after)
}

/// Returns an authority without its port.
fn name(authority: &str) -> &str {
    let end = authority.rfind(':').filter(|at| !authority.get(*at..).unwrap_or_default().contains(']'));
    authority.get(..end.unwrap_or(authority.len())).unwrap_or_default()
}

fn is_allowed(authority: &str) -> bool {
    let host = name(authority).to_ascii_lowercase();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = match bare.parse() {
        Ok(IpAddr::V4(address)) => address.octets().first() == Some(&127),
        Ok(IpAddr::V6(address)) => {
            let mapped = address.to_ipv4_mapped().map(|address| address.to_string());
            mapped.is_some_and(|address| address.starts_with("127.") || ALLOWED.contains(&&*address))
                || address.to_string() == "::1"
                || format!("[{address}]") == "[fd00:ec2::23]"
        }
        Err(_) => false,
    };
    loopback || ALLOWED.contains(&&*host)
}

/// Resolves hosts that are loopback, an agent, only partly so, without an address, unknown, or anything else.
fn resolve(host: &str) -> io::Result<Vec<IpAddr>> {
    let addresses: &[&str] = match host {
        "localhost" => &["127.0.0.1", "::1"],
        "agent" => &["169.254.170.2"],
        "partly" => &["127.0.0.1", "203.0.113.1"],
        "empty" => &[],
        "unknown" => return Err(io::ErrorKind::NotFound.into()),
        _ => &["203.0.113.1"],
    };
    Ok(addresses.iter().filter_map(|address| address.parse().ok()).collect())
}
