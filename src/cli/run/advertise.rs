//! The address by which a builder reaches this machine.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use s3_build_cache::{Error, Result};

/// A host and a port. Port 0 stands for any that is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advertise {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub(crate) host: String,
    port: u16,
}

impl Advertise {
    /// Parses `HOST:PORT`.
    ///
    /// # Errors
    /// [`Error::Usage`] if it cannot stand in front of an image's name.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
        let is_name = |host: &str| {
            let labels = |label: &str| {
                let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
            };
            host.split('.').all(labels)
        };
        match port.parse() {
            Ok(port) if is_name(host) || ipv6(host).is_some() => Ok(Self { host: host.to_owned(), port }),
            _ => Err(Error::usage(format!("invalid value for --advertise: {text}"))
                .with_hint("write HOST:PORT, for example host.docker.internal:5055 or 192.0.2.1:5055")),
        }
    }

    /// Returns the address to listen on: every one of this machine.
    pub(crate) fn listen(&self) -> SocketAddr {
        match ipv6(&self.host) {
            Some(_) => (Ipv6Addr::UNSPECIFIED, self.port).into(),
            None => (Ipv4Addr::UNSPECIFIED, self.port).into(),
        }
    }
}

fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}
