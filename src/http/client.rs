//! The connection pool, and one request over it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http;
use ureq::unversioned::transport::Connector;
use ureq::{Agent, SendBody};

use crate::base::{Cancel, Clock, Env, Interrupt, Result};
use crate::http::exchange;
use crate::http::fault::Fault;
use crate::http::message::{Method, OnStop, Request, Response};
use crate::http::names::{Later, Names};
use crate::http::payload::Guard;
use crate::http::proxy::Proxies;
use crate::http::roots;
use crate::http::tcp::TcpConnector;
use crate::http::tls::{Tls, TlsConnector};
use crate::http::transport::KeepAnswers;
use crate::http::tunnel::TunnelConnector;

pub(super) const USER_AGENT: &str = concat!("s3-build-cache/", env!("CARGO_PKG_VERSION"));
/// Shorter than most servers keep idle connections, so that few requests use one that the server has just closed.
const IDLE_TIME: Duration = Duration::from_secs(8);

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
    /// Whether the target uses `https`, and its `Host` header. Certificates are loaded only if TLS is needed, because
    /// that takes time. The proxy for this host is checked before any request is sent.
    pub(crate) target: (bool, &'a str),
    /// A PEM file of certificates to trust instead of the system's, and the setting that names it.
    pub(crate) ca_bundle: Option<(&'a std::path::Path, &'a str)>,
    /// The environment that names the proxies.
    pub(crate) env: &'a dyn Env,
    /// Measures the speed of response bodies. Stalled reads and writes are timed by the operating system.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timeouts: Timeouts,
}

/// A pool of connections.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    proxies: Arc<Proxies>,
    tls: Tls,
    clock: Arc<dyn Clock>,
    stall: Duration,
    stop: Option<Arc<Stop>>,
}

/// How far a request on a new connection got.
pub(crate) struct Reach {
    /// The number of addresses of the host, or of the proxy if there is one; 0 if the look-up failed.
    pub(crate) addresses: usize,
    /// The address that the connection was established to.
    pub(crate) peer: Option<SocketAddr>,
    /// The proxy, and whether it opened the tunnel.
    pub(crate) tunnel: Option<(String, bool)>,
    /// The TLS version that was negotiated.
    pub(crate) tls: Option<&'static str>,
    pub(crate) answer: std::result::Result<Response, Fault>,
}

/// Stops the requests of a client on cancellation.
struct Stop {
    cancel: Cancel,
    _interrupt: Interrupt,
    /// Sends the requests that must survive cancellation; it is not shut down.
    lasting: Agent,
}

impl Client {
    /// Creates a client.
    ///
    /// # Errors
    /// If the trusted certificates cannot be read, or the proxy for the target cannot be used.
    pub(crate) fn new(config: &ClientConfig<'_>) -> Result<Self> {
        let (https, host) = config.target;
        let proxies = Arc::new(Proxies::from_env(config.env));
        if let Some(proxy) = proxies.choose(https, host)? {
            log::info!("{host} is reached through the proxy {proxy}");
        }
        let needs_tls = https || proxies.need_tls();
        // Like the AWS tools, report an invalid bundle even if TLS is not needed yet.
        let named = config.ca_bundle.is_some_and(|(_, origin)| origin != "SSL_CERT_FILE");
        let roots = if needs_tls || named { Some(roots::load(config.ca_bundle)?) } else { None };
        let tls = roots.filter(|_| needs_tls).map_or_else(Tls::none, Tls::trusting);
        let idle = config.connections.saturating_mul(2);
        let clock = config.clock.clone();
        let Timeouts { connect, stall } = config.timeouts;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(USER_AGENT)
            .accept("")
            .accept_encoding("identity")
            .timeout_connect(Some(connect))
            .timeout_per_read(Some(stall))
            .timeout_per_write(Some(stall))
            .max_idle_connections(idle)
            .max_idle_connections_per_host(idle)
            .max_idle_age(IDLE_TIME)
            .build();
        Ok(Self { agent: agent(config, &proxies, &tls), proxies, tls, clock, stall, stop: None })
    }

    /// Returns the same client, but with requests and bodies that are interrupted when `cancel` is cancelled, even if
    /// the connection is idle. Name look-ups and connection attempts still run until their time limits.
    pub(crate) fn stopped_by(self, cancel: &Cancel) -> Self {
        let lasting = agent(self.agent.config().clone(), &self.proxies, &self.tls);
        let stopped = self.agent.clone();
        let _interrupt = cancel.on_cancel(move || stopped.shutdown());
        Self { stop: Some(Arc::new(Stop { cancel: cancel.clone(), _interrupt, lasting })), ..self }
    }

    /// Sends the request once.
    ///
    /// # Errors
    /// If there was no response, or the payload could not be read. Every response is `Ok`, whatever its status.
    pub(crate) fn send(&self, request: &Request<'_>) -> std::result::Result<Response, Fault> {
        exchange::begin(request.expect_continue && request.body.is_some());
        let response = match request.body {
            Some(payload) => {
                let mut guard = Guard::open(payload).map_err(Fault::payload)?;
                let mut builder = builder(request).header("content-length", payload.size());
                if request.expect_continue {
                    builder = builder.header("expect", "100-continue");
                }
                self.run(request, builder.body(SendBody::from_reader(&mut guard)))
            }
            // A PUT or POST without a body needs `content-length: 0`.
            None if matches!(request.method, Method::Put | Method::Post) => {
                self.run(request, builder(request).body([].as_slice()))
            }
            None => self.run(request, builder(request).body(())),
        };
        response.map(|response| Response::new(response, self.clock.clone())).map_err(|error| {
            let proxy = self.proxies.choose(request.https, request.host).ok().flatten();
            Fault::new(error, proxy.map(|proxy| proxy.to_string()))
        })
    }

    /// Sends the request once and returns how far it got, to diagnose where the path to a server fails. The client must
    /// not have an open connection yet.
    pub(crate) fn reach(&self, request: &Request<'_>) -> Reach {
        let answer = self.send(request);
        let exchange = exchange::current();
        let proxy = self.proxies.choose(request.https, request.host).ok().flatten().map(|proxy| proxy.to_string());
        Reach {
            addresses: exchange.addresses,
            peer: exchange.peer,
            tunnel: proxy.map(|proxy| (proxy, !exchange.tunnelling)),
            tls: exchange.secured,
            answer,
        }
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        request: &Request<'_>,
        built: http::Result<http::Request<B>>,
    ) -> std::result::Result<http::Response<ureq::Body>, ureq::Error> {
        let silence = request.answer_timeout.max(self.stall);
        let agent = match &self.stop {
            Some(stop) => match request.on_stop {
                OnStop::CleanUp if stop.cancel.is_cancelled() => &stop.lasting,
                OnStop::BreakOff | OnStop::CleanUp => &self.agent,
                OnStop::Linger => {
                    exchange::linger(Some(stop.cancel.clone()));
                    &stop.lasting
                }
            },
            None => &self.agent,
        };
        let configured = agent
            .configure_request(built?)
            .timeout_global((request.on_stop == OnStop::CleanUp).then_some(request.answer_timeout))
            .timeout_recv_response(Some(request.answer_timeout))
            .timeout_per_read(Some(silence))
            .max_idle_age(if request.new_connection { Duration::ZERO } else { IDLE_TIME })
            .build();
        agent.run(configured)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("agent", &self.agent).finish_non_exhaustive()
    }
}

fn agent(config: Config, proxies: &Arc<Proxies>, tls: &Tls) -> Agent {
    let names = Names { proxies: Arc::clone(proxies) };
    let connector = TcpConnector(names)
        .chain(TunnelConnector { proxies: Arc::clone(proxies), tls: tls.clone() })
        .chain(TlsConnector(tls.clone()))
        .chain(KeepAnswers);
    Agent::with_parts(config, connector, Later)
}

fn builder(request: &Request<'_>) -> http::request::Builder {
    let scheme = if request.https { "https" } else { "http" };
    let uri = http::Uri::builder().scheme(scheme).authority(request.host).path_and_query(request.target.as_str());
    let builder = http::Request::builder().method(request.method.as_str());
    let builder = match uri.build() {
        Ok(uri) => builder.uri(uri),
        // The builder keeps its first error and returns it when the body is set.
        Err(_) => builder.uri(request.target.as_str()).uri("not a URI"),
    };
    request.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value))
}
