//! The hosts that are reached directly: those in `NO_PROXY`, and those that never use a proxy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::http::origin::{Origin, without_brackets};

/// The addresses where clouds serve a machine's credentials. They are never sent through a proxy, whatever the
/// variables say. Go's rules have no such exception.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// The requested host and its port.
pub(super) struct RequestedHost {
    /// In lower case; an IPv6 address without brackets.
    host: String,
    address: Option<IpAddr>,
    port: u16,
}

/// The rules in `NO_PROXY`.
#[derive(Debug, Default)]
pub(super) struct NoProxy(Vec<Rule>);

#[derive(Debug)]
enum Rule {
    All,
    Network {
        address: IpAddr,
        bits: u8,
    },
    Address(IpAddr, Option<u16>),
    Domain {
        /// Starts with a dot.
        suffix: String,
        /// Also matches the domain itself, not only its subdomains.
        itself: bool,
        port: Option<u16>,
    },
}

impl RequestedHost {
    pub(super) fn of(origin: Origin<'_>) -> Self {
        let (host, port) = split_port(origin.host).unwrap_or((origin.host, ""));
        let host = without_brackets(host).to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        Self { host, address, port: port.parse().unwrap_or(origin.default_port()) }
    }

    pub(super) fn is_metadata(&self) -> bool {
        self.address.is_some_and(|address| METADATA.contains(&address))
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.address.is_some_and(|address| address.is_loopback())
    }
}

impl NoProxy {
    /// Parses a comma-separated list; invalid entries are skipped.
    pub(super) fn parse(list: &str) -> Self {
        Self(list.split(',').filter_map(|entry| Rule::parse(&entry.trim().to_lowercase())).collect())
    }

    pub(super) fn matches(&self, requested: &RequestedHost) -> bool {
        self.0.iter().any(|rule| rule.matches(requested))
    }
}

impl Rule {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::All);
        }
        if let Some(network) = network(entry) {
            return Some(network);
        }
        let (host, port) = match split_port(entry) {
            // An invalid port matches nothing.
            Some((host, port)) => (host, if port.is_empty() { None } else { Some(port.parse().unwrap_or(0)) }),
            None => (entry, None),
        };
        if let Ok(address) = without_brackets(host).parse::<IpAddr>() {
            return Some(Self::Address(address.to_canonical(), port));
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        if host.is_empty() {
            return None;
        }
        let itself = !host.starts_with('.');
        let suffix = if itself { format!(".{host}") } else { host.to_owned() };
        Some(Self::Domain { suffix, itself, port })
    }

    fn matches(&self, requested: &RequestedHost) -> bool {
        let on_port = |port: &Option<u16>| port.is_none_or(|port| port == requested.port);
        match self {
            Self::All => true,
            Self::Network { address, bits } => requested.address.is_some_and(|host| in_network(host, *address, *bits)),
            Self::Address(address, port) => requested.address == Some(*address) && on_port(port),
            Self::Domain { suffix, itself, port } => {
                let same = *itself && suffix.strip_prefix('.') == Some(&requested.host);
                (same || requested.host.ends_with(suffix)) && on_port(port)
            }
        }
    }
}

/// Parses a network such as `192.0.2.0/24`.
fn network(entry: &str) -> Option<Rule> {
    let (address, bits) = entry.split_once('/')?;
    let address = address.parse::<IpAddr>().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let plain = bits.bytes().all(|byte| byte.is_ascii_digit());
    let bits = bits.parse::<u8>().ok().filter(|bits| plain && *bits <= width)?;
    let canonical = address.to_canonical();
    // The first 96 bits of an IPv4-mapped IPv6 address are fixed.
    let bits = if canonical.is_ipv4() && width == 128 { bits.saturating_sub(96) } else { bits };
    Some(Rule::Network { address: canonical, bits })
}

fn in_network(host: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (host, network, width) = match (host, network) {
        (IpAddr::V4(host), IpAddr::V4(network)) => (host.to_bits().into(), network.to_bits().into(), 32),
        (IpAddr::V6(host), IpAddr::V6(network)) => (host.to_bits(), network.to_bits(), 128_u32),
        _ => return false,
    };
    let rest = width.saturating_sub(bits.into());
    let prefix = |address: u128| address.checked_shr(rest).unwrap_or(0);
    prefix(host) == prefix(network)
}

/// Splits `host:port` or `[address]:port`; returns `None` if no colon separates a port.
fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    (bracketed || !host.contains([':', '[', ']'])).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_follows_gos_rules() {
        for (list, host, matches) in [
            ("*", "s3.example.com", true),
            ("a.com,*,b.com", "s3.example.com", true),
            ("example.com", "example.com", true),
            ("example.com", "s3.example.com", true),
            ("EXAMPLE.com", "S3.Example.com", true),
            ("example.com", "badexample.com", false),
            (".example.com", "example.com", false),
            (".example.com", "s3.example.com", true),
            ("*.example.com", "a.s3.example.com", true),
            ("*.example.com", "example.com", false),
            ("*example.com", "s3.example.com", false),
            ("s3.*", "s3.example.com", false),
            (" a.com , example.com ", "example.com", true),
            ("a.com example.com", "example.com", false),
            ("example.com:443", "example.com", true),
            ("example.com:443", "s3.example.com:443", true),
            ("example.com:8443", "example.com", false),
            ("example.com:8443", "example.com:8443", true),
            (".example.com:8443", "s3.example.com:8443", true),
            ("example.com:", "example.com:8443", true),
            ("example.com:https", "example.com", false),
            ("10.0.0.1", "10.0.0.1:9000", true),
            ("10.0.0.1", "10.0.0.10", false),
            ("10.0.0.1:9000", "10.0.0.1:9000", true),
            ("10.0.0.1:9000", "10.0.0.1", false),
            // An address is also matched as a name.
            ("0.1", "10.0.0.1", true),
            ("10.0.0.0/8", "10.200.3.4:9000", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.9.8.7/8", "10.0.0.1", true),
            ("0.0.0.0/0", "11.0.0.1", true),
            ("0.0.0.0/0", "[2001:db8::1]", false),
            ("10.0.0.0/8", "ten.example.com", false),
            ("10.0.0.0/33", "10.0.0.1", false),
            ("10.0.0.0/+8", "10.0.0.1", false),
            ("10.0.0.0/", "10.0.0.1", false),
            ("2001:db8::/32", "[2001:db8:1::1]:9000", true),
            ("2001:db8::/32", "[2001:db9::1]", false),
            ("::/0", "[2001:db9::1]", true),
            ("2001:db8::1", "[2001:DB8:0::1]", true),
            ("[2001:db8::1]:9000", "[2001:db8::1]:9000", true),
            ("[2001:db8::1]:9000", "[2001:db8::1]", false),
            ("[2001:db8::1]", "[2001:db8::1]", true),
            ("::ffff:10.0.0.0/104", "10.0.0.1", true),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "[::ffff:10.0.0.1]", true),
            (",, :80,/,.,*.", "example.com", false),
            ("", "example.com", false),
        ] {
            assert_eq!(
                NoProxy::parse(list).matches(&RequestedHost::of(Origin { https: true, host })),
                matches,
                "{list} {host}"
            );
        }
    }

    #[test]
    fn loopback_and_metadata_addresses_are_recognized_in_every_spelling() {
        for host in ["localhost", "LOCALHOST:9000", "127.0.0.1", "127.9.9.9:80", "[::1]:9000", "[::ffff:127.0.0.1]"] {
            assert!(RequestedHost::of(Origin { https: false, host }).is_loopback(), "{host}");
        }
        for host in ["localhost.example.com", "s3.localhost", "128.0.0.1", "[::2]"] {
            assert!(!RequestedHost::of(Origin { https: false, host }).is_loopback(), "{host}");
        }
        for host in ["169.254.169.254", "169.254.170.2:80", "169.254.170.23", "[fd00:ec2::254]", "[fd00:ec2:0::23]:80"]
        {
            assert!(RequestedHost::of(Origin { https: false, host }).is_metadata(), "{host}");
        }
        assert!(!RequestedHost::of(Origin { https: false, host: "169.254.169.253" }).is_metadata());
    }
}
