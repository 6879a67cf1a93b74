//! The hosts that the server answers to.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::rejection::Rejection;

/// Stands for every IP address in the list of hosts.
pub(crate) const ANY_ADDRESS: &str = "*";

/// The hosts that requests may name. A web page can make a browser connect to a loopback address under a name of its
/// own; its requests then carry that name. They cannot carry an address that the page did not give itself.
#[derive(Clone, Debug)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// Takes hosts in lower case. One without a port stands for every port.
    pub(super) fn new(hosts: Vec<String>) -> Self {
        Self(hosts)
    }

    /// Checks that the lower-case host of a request is listed.
    ///
    /// # Errors
    /// 421 (Misdirected Request) if it is not: the request is well formed but meant for another server, and no cache
    /// may keep the response.
    pub(super) fn check(&self, host: &str) -> Result<(), Rejection> {
        let name = without_port(host);
        let listed = self.0.iter().any(|listed| match listed.as_str() {
            ANY_ADDRESS => is_address(name.unwrap_or(host)) || is_address(host),
            listed => listed == host || name == Some(listed),
        });
        if listed { Ok(()) } else { Err(Rejection { status: 421, reason: "this server does not answer to this host" }) }
    }
}

fn is_address(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    bare.map_or_else(|| host.parse::<Ipv4Addr>().is_ok(), |bare| bare.parse::<Ipv6Addr>().is_ok())
}

/// Returns the host before a numeric port. An IPv6 address is in brackets, so its colons are no port.
fn without_port(host: &str) -> Option<&str> {
    let (name, port) = host.rsplit_once(':')?;
    (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_address_is_no_name() {
        let hosts = Hosts::new(vec![ANY_ADDRESS.to_owned(), "cache".to_owned()]);
        for host in ["192.0.2.7", "192.0.2.7:5055", "[2001:db8::1]", "[2001:db8::1]:80", "cache", "cache:1"] {
            assert!(hosts.check(host).is_ok(), "{host}");
        }
        for host in ["", "*", "*:80", "evil.example", "192.0.2.7.example", "192.0.2.7:x", "2001:db8::1", "1:2", "[::1"]
        {
            assert!(hosts.check(host).is_err(), "{host}");
        }
    }
}
