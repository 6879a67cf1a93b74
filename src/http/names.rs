//! Where a host is.
//!
//! ureq looks a name up for every request, each time on a thread of its own so that the look-up can time out. A request
//! on a connection that is open needs none: here the name is looked up when a connection is made.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, NextTimeout};
use ureq::{Error, Timeout};

use crate::http::exchange;
use crate::http::proxy::Proxies;

/// What ureq asks for every request: it knows nothing.
#[derive(Debug)]
pub(super) struct Later;

impl Resolver for Later {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Looks up the proxy's name in place of the host's, where there is one.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) proxies: Arc<Proxies>,
    pub(super) system: DefaultResolver,
}

impl Names {
    /// The addresses to connect to for a request.
    pub(super) fn resolve(&self, details: &ConnectionDetails<'_>) -> Result<ResolvedSocketAddrs, Error> {
        let addresses = match self.proxies.of_uri(details.uri)? {
            None => self.addresses(details.uri, details)?,
            Some(proxy) => {
                exchange::update(|exchange| exchange.tunnelling = true);
                let place = format!("{}:{}", proxy.host, proxy.port);
                let uri = Uri::builder().scheme("http").authority(place).path_and_query("/").build()?;
                self.addresses(&uri, details)?
            }
        };
        exchange::update(|exchange| exchange.addresses = addresses.len());
        Ok(addresses)
    }

    fn addresses(&self, uri: &Uri, details: &ConnectionDetails<'_>) -> Result<ResolvedSocketAddrs, Error> {
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let host = uri.host().unwrap_or_default();
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            let mut addresses = self.system.empty();
            addresses.push(SocketAddr::new(address, port));
            return Ok(addresses);
        }
        let timeout = NextTimeout { reason: Timeout::Resolve, ..details.timeout };
        self.system.resolve(uri, details.config, timeout)
    }
}
