//! Sends one request over a pool of connections.

mod config;
mod fault;
mod fault_kind;
mod request;
mod request_body;
mod response;
mod response_body;
mod trace;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ureq::http;
use ureq::{Agent, SendBody};

use crate::base::{Cancel, Clock, Interrupt, Result};
use crate::http::proxy::Proxies;
use crate::http::transport::{self, Tls, exchange};
use crate::http::user_agent::USER_AGENT;
use request_body::request_body;

pub(crate) use config::{ClientConfig, Timeouts};
pub(crate) use fault::Fault;
pub(crate) use fault_kind::FaultKind;
pub(crate) use request::{Method, OnStop, Request};
pub(crate) use response::Response;
pub(crate) use trace::ConnectionTrace;

/// Shorter than most servers keep idle connections, so that few requests use one that the server has just closed.
const IDLE_TIME: Duration = Duration::from_secs(8);

/// A pool of connections.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    proxies: Arc<Proxies>,
    tls: Tls,
    clock: Arc<dyn Clock>,
    stall: Duration,
    cancellation: Option<Arc<Cancellation>>,
}

/// Stops the requests of a client on cancellation.
struct Cancellation {
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
        let target = config.target;
        let proxies = Arc::new(Proxies::from_env(config.env));
        if let Some(proxy) = proxies.choose(target)? {
            log::info!("{} is reached through the proxy {proxy}", target.host);
        }
        let needs_tls = target.https || proxies.need_tls();
        // Like the AWS tools, report an invalid bundle even if TLS is not needed yet.
        let named = config.ca_bundle.is_some_and(|(_, origin)| origin != "SSL_CERT_FILE");
        let roots = if needs_tls || named { Some(transport::trusted_roots(config.ca_bundle)?) } else { None };
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
        Ok(Self { agent: transport::agent(config, &proxies, &tls), proxies, tls, clock, stall, cancellation: None })
    }

    /// Returns the same client, but with requests and bodies that are interrupted when `cancel` is cancelled, even if
    /// the connection is idle. Name look-ups and connection attempts still run until their time limits.
    pub(crate) fn stopped_by(self, cancel: &Cancel) -> Self {
        let lasting = transport::agent(self.agent.config().clone(), &self.proxies, &self.tls);
        let stopped = self.agent.clone();
        let _interrupt = cancel.on_cancel(move || stopped.shutdown());
        Self { cancellation: Some(Arc::new(Cancellation { cancel: cancel.clone(), _interrupt, lasting })), ..self }
    }

    /// Sends the request once.
    ///
    /// # Errors
    /// If there was no response, or the payload could not be read. Every response is `Ok`, whatever its status.
    pub(crate) fn send(&self, request: &Request<'_>) -> std::result::Result<Response, Fault> {
        exchange::begin(request.expect_continue && request.body.is_some());
        let response = match request.body {
            Some(payload) => {
                let mut body = request_body(payload).map_err(Fault::payload)?;
                let mut builder = builder(request).header("content-length", payload.size());
                if request.expect_continue {
                    builder = builder.header("expect", "100-continue");
                }
                self.run(request, builder.body(SendBody::from_reader(&mut *body)))
            }
            // A PUT or POST without a body needs `content-length: 0`.
            None if matches!(request.method, Method::Put | Method::Post) => {
                self.run(request, builder(request).body([].as_slice()))
            }
            None => self.run(request, builder(request).body(())),
        };
        response.map(|response| Response::new(response, self.clock.clone())).map_err(|error| {
            let proxy = self.proxies.choose(request.origin).ok().flatten();
            Fault::new(error, proxy.map(|proxy| proxy.to_string()))
        })
    }

    /// Sends the request once and returns how far it got, to diagnose where the path to a server fails. The client must
    /// not have an open connection yet.
    pub(crate) fn trace(&self, request: &Request<'_>) -> ConnectionTrace {
        let answer = self.send(request);
        let exchange = exchange::current();
        let proxy = self.proxies.choose(request.origin).ok().flatten().map(|proxy| proxy.to_string());
        ConnectionTrace {
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
        let agent = match &self.cancellation {
            Some(cancellation) => match request.on_stop {
                OnStop::CleanUp if cancellation.cancel.is_cancelled() => &cancellation.lasting,
                OnStop::BreakOff | OnStop::CleanUp => &self.agent,
                OnStop::Linger => {
                    exchange::linger(Some(cancellation.cancel.clone()));
                    &cancellation.lasting
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

fn builder(request: &Request<'_>) -> http::request::Builder {
    let origin = request.origin;
    let uri =
        http::Uri::builder().scheme(origin.scheme()).authority(origin.host).path_and_query(request.target.as_str());
    let builder = http::Request::builder().method(request.method.as_str());
    let builder = match uri.build() {
        Ok(uri) => builder.uri(uri),
        // The builder keeps its first error and returns it when the body is set.
        Err(_) => builder.uri(request.target.as_str()).uri("not a URI"),
    };
    request.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value))
}

#[cfg(test)]
mod tests;
