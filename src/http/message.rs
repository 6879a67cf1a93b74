//! Requests and responses.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Clock, Payload};
use crate::http::fault::{Fault, timeout_text};
use crate::http::watch::Watched;

/// For an answer whose status says the most of it.
const BRIEFLY: Duration = Duration::from_secs(10);

/// The methods that S3 and the credential services use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Put,
    Post,
    Delete,
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// One request, as it goes on the wire.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) https: bool,
    /// The `Host` header: with the port unless it is the scheme's own.
    pub(crate) host: &'a str,
    /// Path and query, encoded; not a byte of it is changed.
    pub(crate) target: String,
    /// `host` and whatever else the caller sends, in lower case. `content-length` is not among them.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<&'a dyn Payload>,
    /// Wait with the body until the server says that it wants it.
    pub(crate) expect_continue: bool,
    /// How long the server may be silent before it answers.
    pub(crate) answer_timeout: Duration,
    /// Do not take one that is idle: of those that were idle together, all may be dead.
    pub(crate) new_connection: bool,
    pub(crate) on_stop: OnStop,
}

/// What a request does when its client is stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnStop {
    /// It breaks off.
    #[default]
    BreakOff,
    /// It has a little longer: what it begins at the server can be cleaned up only by who has read the answer.
    Linger,
    /// It cleans up: it goes out also afterwards, and has its `answer_timeout` for all.
    CleanUp,
}

/// An answer whose body has not been read.
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
        let body = Watched::new(Box::new(Plain(body.into_reader())), size, clock.clone());
        Self { status: parts.status.as_u16(), headers: parts.headers, body: Box::new(body), clock }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The trimmed value of a header that is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// Reads the body, at most `limit` bytes of it. A body that is read to its end leaves its connection for the next
    /// request.
    ///
    /// # Errors
    /// When the connection breaks before, or the body comes too slowly.
    pub(crate) fn read(&mut self, limit: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        match self.body.by_ref().take(limit).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(Fault::body(error)),
        }
    }

    /// Reads what comes of an error document in a few seconds, at most `limit` bytes; and why it ended early, if it did.
    pub(crate) fn read_briefly(&mut self, limit: u64) -> (Vec<u8>, Option<Fault>) {
        let deadline = self.clock.monotonic() + BRIEFLY;
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while (bytes.len() as u64) < limit {
            match self.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => bytes.extend_from_slice(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (bytes, Some(Fault::body(error))),
            }
            if self.clock.monotonic() > deadline {
                let slow = io::Error::new(io::ErrorKind::TimedOut, "the answer came too slowly");
                return (bytes, Some(Fault::body(slow)));
            }
        }
        (bytes, None)
    }

    /// Makes these bytes the body, which has been read.
    pub(crate) fn put_back(&mut self, bytes: Vec<u8>) {
        self.body = Box::new(io::Cursor::new(bytes));
    }

    pub(crate) fn into_body(self) -> Box<dyn Read + Send> {
        self.body
    }
}

/// A body whose time limits are errors of the kind that others expect them to be.
struct Plain<R>(R);

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match ureq::Error::from(error) {
            ureq::Error::Io(error) => error,
            ureq::Error::Timeout(timeout) => io::Error::new(io::ErrorKind::TimedOut, timeout_text(timeout)),
            error => io::Error::other(error.to_string()),
        })
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
