//! The connections that ureq uses: name look-up, TCP, the tunnel through a proxy, TLS, and early responses.

mod early_response;
pub(super) mod exchange;
mod interim;
mod lookup;
mod roots;
mod tcp;
mod tls;
mod tunnel;

use std::sync::Arc;

use ureq::Agent;
use ureq::config::Config;
use ureq::unversioned::transport::Connector as _;

use crate::http::proxy::Proxies;
use early_response::EarlyResponses;
use lookup::{AddressLookup, NoLookup};
use tcp::TcpConnector;
use tls::TlsConnector;
use tunnel::TunnelConnector;

pub(crate) use exchange::stop_thread;
pub(super) use interim::TooManyInterim;
pub(super) use roots::load as trusted_roots;
pub(super) use tls::Tls;
pub(super) use tunnel::NoTunnel;
#[cfg(any(test, fuzzing))]
pub(crate) use tunnel::status as connect_status;

/// Returns ureq's agent with these connections.
pub(super) fn agent(config: Config, proxies: &Arc<Proxies>, tls: &Tls) -> Agent {
    let lookup = AddressLookup { proxies: Arc::clone(proxies) };
    let connector = TcpConnector(lookup)
        .chain(TunnelConnector { proxies: Arc::clone(proxies), tls: tls.clone() })
        .chain(TlsConnector(tls.clone()))
        .chain(EarlyResponses);
    Agent::with_parts(config, connector, NoLookup)
}
