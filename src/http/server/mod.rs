//! A small blocking HTTP/1.1 server: one thread for each connection, and strict framing.
//!
//! [`Server`] accepts connections and passes each request to a [`Handler`]. Anything ambiguous about the length of a
//! message is refused and the connection is closed: bytes of a body are never taken for a request. Authentication and
//! routes are the handler's task.

mod body_reader;
mod chunked;
mod connection;
mod deadline;
mod framing;
mod handler;
mod head;
mod headers;
mod host;
mod input;
mod limits;
mod listener;
mod method;
mod peer;
mod rejection;
mod reply;
mod request;
mod response;
mod scan;
mod socket;
mod stop;
mod stream;
mod target;
mod turned_away;

#[cfg(any(test, fuzzing))]
pub(crate) use chunked::{Chunked, Malformed, Next};
#[cfg(any(test, fuzzing))]
pub(crate) use framing::Framing;
pub(crate) use handler::Handler;
#[cfg(any(test, fuzzing))]
pub(crate) use head::Head;
#[cfg(test)]
pub(crate) use headers::Headers;
pub(crate) use host::ANY_ADDRESS;
pub(crate) use limits::Limits;
pub(crate) use listener::Server;
pub(crate) use method::Method;
pub(crate) use peer::Peer;
pub(crate) use request::Request;
#[cfg(test)]
pub(crate) use response::Body;
pub(crate) use response::Response;
#[cfg(any(test, fuzzing))]
pub(crate) use scan::HeadScan;
pub(crate) use stop::Stopper;

#[cfg(test)]
mod tests;
