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
/// Shorter than servers keep idle connections, so that few requests meet one that was just closed.
const IDLE_TIME: Duration = Duration::from_secs(8);

/// How long to wait for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// For its name and a connection.
    pub(crate) connect: Duration,
    /// For a connection that moves nothing: every transfer goes on, or ends after this.
    pub(crate) stall: Duration,
}

impl Timeouts {
    /// For servers anywhere.
    pub(crate) const REMOTE: Self = Self { connect: Duration::from_secs(15), stall: Duration::from_secs(60) };
    /// For servers anywhere, when somebody waits to be told what is wrong.
    pub(crate) const BRIEF: Self = Self { connect: Duration::from_secs(10), stall: Duration::from_secs(15) };
    /// For the metadata services of this machine's host, which answer at once or not at all.
    pub(crate) const LOCAL: Self = Self { connect: Duration::from_secs(1), stall: Duration::from_secs(2) };
}

/// What a [`Client`] is made of.
pub(crate) struct ClientConfig<'a> {
    /// How many connections may be open at once.
    pub(crate) connections: usize,
    /// Where to: whether by `https`, and the `Host` header. Certificates are read where there is TLS, which takes time;
    /// and that the proxy for this host can be used is checked before anything is sent.
    pub(crate) target: (bool, &'a str),
    /// A PEM file of the certificates to trust instead of the system's, and the setting that names it.
    pub(crate) ca_bundle: Option<(&'a std::path::Path, &'a str)>,
    /// Names the proxies.
    pub(crate) env: &'a dyn Env,
    /// What the speed of bodies is measured with. Reads and writes that stall are timed by the system.
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

/// How far a request on a new connection came.
pub(crate) struct Reach {
    /// How many the host's name has, or the proxy's; none when the look-up failed.
    pub(crate) addresses: usize,
    /// The one that a connection came about with.
    pub(crate) peer: Option<SocketAddr>,
    /// The proxy on the way, and whether it opened the tunnel.
    pub(crate) tunnel: Option<(String, bool)>,
    /// The version that was agreed upon.
    pub(crate) tls: Option<&'static str>,
    pub(crate) answer: std::result::Result<Response, Fault>,
}

/// What ends a client's requests.
struct Stop {
    cancel: Cancel,
    _interrupt: Interrupt,
    /// For what does not break off: it is not shut down.
    lasting: Agent,
}

impl Client {
    /// # Errors
    /// When the certificates to trust cannot be read, or the target's proxy cannot be used.
    pub(crate) fn new(config: &ClientConfig<'_>) -> Result<Self> {
        let (https, host) = config.target;
        let proxies = Arc::new(Proxies::from_env(config.env));
        if let Some(proxy) = proxies.choose(https, host)? {
            log::info!("{host} is reached through the proxy {proxy}");
        }
        let needs_tls = https || proxies.need_tls();
        // AWS's tools complain of a bundle that is none also where nothing is spoken over TLS, as yet.
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

    /// The same client, whose requests and bodies break off when `cancel` is cancelled, also while nothing moves. Name
    /// look-ups and attempts to connect end at their time limits.
    pub(crate) fn stopped_by(self, cancel: &Cancel) -> Self {
        let lasting = agent(self.agent.config().clone(), &self.proxies, &self.tls);
        let stopped = self.agent.clone();
        let _interrupt = cancel.on_cancel(move || stopped.shutdown());
        Self { stop: Some(Arc::new(Stop { cancel: cancel.clone(), _interrupt, lasting })), ..self }
    }

    /// Sends the request once.
    ///
    /// # Errors
    /// When there was no answer, or the payload could not be read. Every answer is `Ok`, whatever its status.
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
            // A PUT or POST without a body says so.
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

    /// Sends the request once, and tells how far it came: for who wants to know where the way to a server ends. This
    /// client has no connection yet.
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
                OnStop::CleanUp if stop.cancel.is_canceled() => &stop.lasting,
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
        // The builder keeps its first error, and gives it when the body is set.
        Err(_) => builder.uri(request.target.as_str()).uri("not a URI"),
    };
    request.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value))
}
