//! Requests as handlers see them.

use std::io::Read;
use std::time::Duration;

use super::body_reader::BodyReader;
use super::framing::Framing;
use super::head::Head;
use super::headers::Headers;
use super::input::Input;
use super::method::Method;
use super::peer::Peer;

/// A request whose head was received and checked.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// The path, percent-encoded as it was sent. It starts with a slash. No segment is empty, except the last, and none
    /// is `.` or `..`, not even encoded.
    pub(crate) path: String,
    /// The part after the question mark, percent-encoded as it was sent.
    pub(crate) query: Option<String>,
    pub(crate) headers: Headers,
    /// The client that sent it.
    pub(crate) peer: Peer,
    framing: Framing,
    body: BodyReader<'a>,
}

impl<'a> Request<'a> {
    /// Takes the head, and the input that begins with the body.
    pub(super) fn new(head: Head, input: &'a mut Input, stall: Duration) -> Self {
        Self {
            method: head.method,
            path: head.path,
            query: head.query,
            headers: head.headers,
            peer: input.socket.peer(),
            framing: head.framing,
            body: BodyReader::new(input, head.framing, head.expects_continue, stall),
        }
    }

    /// Returns the first value of the header with this lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Returns the body. A read fails if the connection breaks, a chunk is malformed, or the body stalls; all later
    /// reads then fail too. The first read sends `100 Continue` if the client waits for it.
    pub(crate) fn body(&mut self) -> &mut (dyn Read + Send) {
        &mut self.body
    }

    /// Returns the size of the body, or `None` if it is chunked.
    pub(crate) fn content_length(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        }
    }

    pub(super) fn into_body(self) -> BodyReader<'a> {
        self.body
    }
}
