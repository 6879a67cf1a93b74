//! Tunnels through proxies, opened with `CONNECT`.
//!
//! ureq can open tunnels, but only through one proxy per agent, and it gives no reason for a failure. Here the proxy
//! depends on each connection's host, the name that is looked up is the proxy's, and any failure before the tunnel is
//! open is attributed to the proxy.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;

use ureq::Error;
use ureq::http::Uri;
use ureq::unversioned::transport::{ConnectionDetails, Connector, Either, Transport, TransportAdapter};

use crate::http::origin::host_and_port;
use crate::http::proxy::{Proxies, Proxy};
use crate::http::transport::exchange;
use crate::http::transport::interim::MAX_INTERIM_RESPONSES;
use crate::http::transport::tls::Tls;
use crate::http::user_agent::USER_AGENT;

/// Proxies answer with a head of a few lines.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Opens the tunnel on a connection to the proxy.
#[derive(Debug)]
pub(super) struct TunnelConnector {
    pub(super) proxies: Arc<Proxies>,
    pub(super) tls: Tls,
}

/// The response of a proxy that did not open a tunnel.
#[derive(Debug)]
pub(in crate::http) struct NoTunnel {
    /// `None` if the response is not HTTP.
    pub(in crate::http) status: Option<u16>,
}

impl fmt::Display for NoTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "the proxy refused the tunnel: HTTP {status}"),
            None => f.write_str("the proxy's response is not HTTP"),
        }
    }
}

impl std::error::Error for NoTunnel {}

impl<In: Transport> Connector<In> for TunnelConnector {
    type Out = Either<In, Box<dyn Transport>>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Ok(None) };
        let Some(proxy) = self.proxies.of_uri(details.uri)? else { return Ok(Some(Either::A(transport))) };
        let below =
            if proxy.https { self.tls.wrap(transport, &proxy.host, details)?.boxed() } else { transport.boxed() };
        let mut stream = TransportAdapter::new(below, Arc::clone(&details.current_time));
        stream.set_timeout(details.timeout);
        stream.write_all(head(proxy, details.uri).as_bytes())?;
        let status = status(&mut stream)?;
        if !status.is_some_and(|status| (200..300).contains(&status)) {
            return Err(Error::Io(io::Error::other(NoTunnel { status })));
        }
        exchange::update(|exchange| exchange.tunnelling = false);
        Ok(Some(Either::B(stream.into_inner())))
    }
}

fn head(proxy: &Proxy, uri: &Uri) -> String {
    let (host, port) = host_and_port(uri);
    let authorization = proxy.authorization.as_ref();
    let authorization = authorization.map(|value| format!("proxy-authorization: {}\r\n", value.expose()));
    format!(
        "CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\nuser-agent: {USER_AGENT}\r\n{}\r\n",
        authorization.unwrap_or_default()
    )
}

/// Reads the head of the response to its end and returns the status. Anything after the head belongs to the host.
/// Interim responses before it are skipped.
pub(crate) fn status(stream: &mut impl io::Read) -> io::Result<Option<u16>> {
    for _ in 0..=MAX_INTERIM_RESPONSES {
        match one_status(stream)? {
            Some(100 | 102..=199) => {}
            status => return Ok(status),
        }
    }
    Ok(None)
}

fn one_status(stream: &mut impl io::Read) -> io::Result<Option<u16>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend(byte);
        if head.len() > MAX_HEAD_BYTES {
            return Ok(None);
        }
    }
    let digits = head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_digit));
    Ok(digits.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| digits.parse().ok()))
}
