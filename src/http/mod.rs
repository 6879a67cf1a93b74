//! HTTP/1.1 for S3 and the credential services, on ureq: the only folder that names it.
//!
//! It sends one request once. What to send again, and when, is decided by [`retry`] for the caller's loop, which
//! rebuilds and signs each attempt.

mod client;
mod exchange;
mod fault;
mod message;
mod payload;
pub(crate) mod retry;
mod roots;
mod transport;
mod watch;

pub(crate) use client::{Client, ClientConfig};
pub(crate) use fault::Fault;
pub(crate) use message::{Method, Request, Response};

#[cfg(test)]
mod tests;
