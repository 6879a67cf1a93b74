//! Requests and responses.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use crate::base::Payload;
use crate::http::fault::Fault;

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
}

/// An answer whose body has not been read.
pub(crate) struct Response {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Box<dyn Read + Send>,
}

impl Response {
    pub(super) fn new(response: ureq::http::Response<ureq::Body>) -> Self {
        let (parts, body) = response.into_parts();
        Self { status: parts.status.as_u16(), headers: parts.headers, body: Box::new(body.into_reader()) }
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
    /// When the connection breaks before.
    pub(crate) fn read(&mut self, limit: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        match self.body.by_ref().take(limit).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(Fault::new(error.into())),
        }
    }

    pub(crate) fn into_body(self) -> Box<dyn Read + Send> {
        self.body
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
