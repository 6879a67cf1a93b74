//! Name resolution.
//!
//! ureq looks up the name for every request, each time on a new thread so that the look-up can time out. A request on
//! an open connection needs no look-up, so here the name is looked up when a connection is opened. If the system cannot
//! start a thread, the look-up runs on the caller's thread and ends at the resolver's own time limits.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::{io, vec};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, NextTimeout};
use ureq::{Error, Timeout};

use crate::base::{NotReceived, oneshot, thread_builder};
use crate::http::origin::{host_and_port, without_brackets};
use crate::http::proxy::Proxies;
use crate::http::transport::exchange;

/// The capacity of ureq's list of addresses.
const MAX_ADDRESSES: usize = 16;

/// The resolver that ureq calls for every request. It returns no addresses, because the look-up happens later.
#[derive(Debug)]
pub(super) struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Looks up the name of the proxy if there is one, otherwise that of the host.
#[derive(Debug)]
pub(super) struct AddressLookup {
    pub(super) proxies: Arc<Proxies>,
}

impl AddressLookup {
    /// Returns the addresses to connect to for a request.
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
        let (host, port) = host_and_port(uri);
        if let Ok(address) = without_brackets(host).parse::<IpAddr>() {
            return Ok(few([SocketAddr::new(address, port)]));
        }
        let addresses = few(look_up(format!("{host}:{port}"), details.timeout)?);
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// Keeps the first addresses; no others are tried.
fn few(addresses: impl IntoIterator<Item = SocketAddr>) -> ResolvedSocketAddrs {
    let mut few = NoLookup.empty();
    addresses.into_iter().take(MAX_ADDRESSES).for_each(|address| few.push(address));
    few
}

/// Looks up the addresses of `HOST:PORT` with the system's resolver.
fn look_up(place: String, timeout: NextTimeout) -> Result<vec::IntoIter<SocketAddr>, Error> {
    if timeout.after.is_not_happening() {
        return Ok(place.to_socket_addrs()?);
    }
    let (sender, receiver) = oneshot();
    let asked = place.clone();
    let thread = thread_builder().and_then(|thread| thread.spawn(move || sender.send(asked.to_socket_addrs())));
    if let Err(error) = thread {
        log::debug!("no thread for the look-up of {place}: {error}");
        return Ok(place.to_socket_addrs()?);
    }
    match receiver.recv_timeout(*timeout.after) {
        Ok(found) => Ok(found?),
        Err(NotReceived::Timeout) => Err(Error::Timeout(Timeout::Resolve)),
        Err(NotReceived::Disconnected) => Err(Error::Io(io::Error::other("the name look-up was abandoned"))),
    }
}
