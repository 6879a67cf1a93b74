//! Responses.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use super::fault::{Fault, timeout_text};
use super::response_body::watched;
use crate::base::{Clock, reader_from_fn};

/// The time limit for a body that adds little to the response's status.
const BRIEFLY: Duration = Duration::from_secs(10);

/// A response whose body has not been read yet.
pub(crate) struct Response {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Box<dyn Read + Send>,
    clock: Arc<dyn Clock>,
}

impl Response {
    pub(super) fn new(response: ureq::http::Response<ureq::Body>, clock: Arc<dyn Clock>) -> Self {
        let (parts, body) = response.into_parts();
        let size = body.content_length();
        let body = watched(with_known_errors(body), size, clock.clone());
        Self { status: parts.status.as_u16(), headers: parts.headers, body, clock }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns the trimmed value of a header, or `None` if the header is absent or not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// Reads at most `limit` bytes of the body. If the body is read to its end, the connection can be reused.
    ///
    /// # Errors
    /// If the connection breaks before the end, or the body arrives too slowly.
    pub(crate) fn read(&mut self, limit: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        match self.body.by_ref().take(limit).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(Fault::body(error)),
        }
    }

    /// Reads an error document for a few seconds, at most `limit` bytes. Also returns why it ended early, if it did.
    pub(crate) fn read_briefly(&mut self, limit: u64) -> (Vec<u8>, Option<Fault>) {
        let deadline = self.clock.monotonic() + BRIEFLY;
        let mut bytes = Vec::new();
        let (mut buffer, mut body) = ([0; 4096], self.body.by_ref().take(limit));
        loop {
            match body.read(&mut buffer) {
                Ok(0) => return (bytes, None),
                Ok(read) => bytes.extend_from_slice(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (bytes, Some(Fault::body(error))),
            }
            if self.clock.monotonic() > deadline {
                let slow = io::Error::new(io::ErrorKind::TimedOut, "the response arrived too slowly");
                return (bytes, Some(Fault::body(slow)));
            }
        }
    }

    /// Replaces the body, which has already been read, with these bytes.
    pub(crate) fn put_back(&mut self, bytes: Vec<u8>) {
        self.body = Box::new(io::Cursor::new(bytes));
    }

    pub(crate) fn into_body(self) -> Box<dyn Read + Send> {
        self.body
    }
}

/// Returns a reader whose timeouts have the error kind that callers expect.
fn with_known_errors(body: ureq::Body) -> Box<dyn Read + Send> {
    let mut body = body.into_reader();
    reader_from_fn(move |buffer| {
        body.read(buffer).map_err(|error| match ureq::Error::from(error) {
            ureq::Error::Io(error) => error,
            ureq::Error::Timeout(timeout) => io::Error::new(io::ErrorKind::TimedOut, timeout_text(timeout)),
            error => io::Error::other(error.to_string()),
        })
    })
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
