//! The settings of a client.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Clock, Env};
use crate::http::origin::Origin;

/// How long to wait for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// Limits the name look-up and the connection attempt.
    pub(crate) connect: Duration,
    /// Limits how long a connection may be idle during a transfer before the transfer fails.
    pub(crate) stall: Duration,
}

impl Timeouts {
    /// Suits remote servers.
    pub(crate) const REMOTE: Self = Self { connect: Duration::from_secs(15), stall: Duration::from_secs(60) };
    /// Suits remote servers when a user is waiting for a diagnosis.
    pub(crate) const BRIEF: Self = Self { connect: Duration::from_secs(10), stall: Duration::from_secs(15) };
    /// Suits the metadata services of this machine's host, which answer at once or not at all.
    pub(crate) const LOCAL: Self = Self { connect: Duration::from_secs(1), stall: Duration::from_secs(2) };
}

/// The settings of a [`Client`].
pub(crate) struct ClientConfig<'a> {
    /// The maximum number of open connections.
    pub(crate) connections: usize,
    /// The server that requests are for. Certificates are loaded only if TLS is needed, because that takes time. The
    /// proxy for this server is checked before any request is sent.
    pub(crate) target: Origin<'a>,
    /// A PEM file of certificates to trust instead of the system's, and the setting that names it.
    pub(crate) ca_bundle: Option<(&'a Path, &'a str)>,
    /// The environment that names the proxies.
    pub(crate) env: &'a dyn Env,
    /// Measures the speed of response bodies. Stalled reads and writes are timed by the operating system.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timeouts: Timeouts,
}
