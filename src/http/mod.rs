//! HTTP/1.1 for S3 and the credential services, on ureq and rustls: the only folder that names them.
//!
//! It sends one request once. What to send again, and when, is decided by [`retry`] for the caller's loop, which
//! rebuilds and signs each attempt.

mod client;
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
pub(crate) use fault::Fault;
pub(crate) use message::{Method, OnStop, Request, Response};
#[cfg(any(test, fuzzing))]
pub(crate) use proxy::Proxies;
#[cfg(any(test, fuzzing))]
pub(crate) use tunnel::status as connect_status;

#[cfg(test)]
mod tests;
