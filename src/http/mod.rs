//! HTTP/1.1: a client for S3 and the credential services, based on ureq and rustls, and a server for the loopback
//! registry, based on httparse. No other module uses these crates.
//!
//! [`client`] sends each request once, over the connections of [`transport`], which [`proxy`] leads through tunnels.
//! [`retry`] decides whether and when to send a request again; the caller's loop rebuilds and signs each attempt.
//! [`server`] answers requests.

mod client;
mod date;
#[cfg(test)]
#[path = "../../tests/loopback.rs"]
pub(crate) mod loopback;
mod origin;
mod proxy;
pub(crate) mod retry;
pub(crate) mod server;
mod transport;
mod user_agent;

pub(crate) use client::{Client, ClientConfig, Fault, Method, OnStop, Request, Response, Timeouts};
pub(crate) use date::parse_http_date;
pub(crate) use origin::Origin;
#[cfg(any(test, fuzzing))]
pub(crate) use proxy::Proxies;
#[cfg(any(test, fuzzing))]
pub(crate) use transport::connect_status;
pub(crate) use transport::stop_thread;
