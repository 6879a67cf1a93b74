//! How far a request got, to diagnose a connection.

use std::net::SocketAddr;

use super::fault::Fault;
use super::response::Response;

/// How far a request on a new connection got.
pub(crate) struct ConnectionTrace {
    /// The number of addresses of the host, or of the proxy if there is one; 0 if the look-up failed.
    pub(crate) addresses: usize,
    /// The address that the connection was established to.
    pub(crate) peer: Option<SocketAddr>,
    /// The proxy, and whether it opened the tunnel.
    pub(crate) tunnel: Option<(String, bool)>,
    /// The TLS version that was negotiated.
    pub(crate) tls: Option<&'static str>,
    pub(crate) answer: Result<Response, Fault>,
}
