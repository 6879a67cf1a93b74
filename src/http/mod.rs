//! HTTP/1.1 for S3 and the credential services, based on ureq and rustls. No other module uses them.
//!
//! This module sends each request once. [`retry`] decides whether and when to send it again; the caller's loop rebuilds
//! and signs each attempt.

mod client;
mod date;
mod exchange;
mod fault;
mod interim;
mod message;
mod names;
mod no_proxy;
mod payload;
mod proxy;
pub(crate) mod retry;
mod roots;
mod tcp;
mod tls;
mod transport;
mod tunnel;
mod watch;

pub(crate) use client::{Client, ClientConfig, Timeouts};
pub(crate) use date::parse_http_date;
pub(crate) use fault::Fault;
pub(crate) use message::{Method, OnStop, Request, Response};
#[cfg(any(test, fuzzing))]
pub(crate) use proxy::Proxies;
#[cfg(any(test, fuzzing))]
pub(crate) use tunnel::status as connect_status;

#[cfg(test)]
mod tests;
