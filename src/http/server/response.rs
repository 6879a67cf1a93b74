//! Responses as handlers build them.

use std::fmt;
use std::io::Read;

/// A response. The server adds `Content-Length` and `Connection`.
#[derive(Debug)]
pub(crate) struct Response {
    /// From 200 to 599.
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

/// The body of a response. It is never sent in response to HEAD, only its size.
pub(crate) enum Body {
    Empty,
    Bytes(Vec<u8>),
    /// Exactly `size` bytes. If the reader fails or ends early, the connection is cut.
    Stream {
        size: u64,
        reader: Box<dyn Read + Send>,
    },
    /// The size of a body that is not at hand, only in response to HEAD.
    Size(u64),
}

impl Response {
    /// Returns a response without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }

    /// Returns a response with these bytes.
    pub(crate) fn bytes(status: u16, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let body = Body::Bytes(bytes.into());
        Self { body, ..Self::empty(status) }.header("content-type", content_type)
    }

    /// Returns a response with this plain text.
    pub(crate) fn text(status: u16, text: impl Into<String>) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", text.into())
    }

    /// Returns a response with `size` bytes of the reader.
    pub(crate) fn stream(status: u16, content_type: &str, size: u64, reader: Box<dyn Read + Send>) -> Self {
        let body = Body::Stream { size, reader };
        Self { body, ..Self::empty(status) }.header("content-type", content_type)
    }

    /// Returns a response to HEAD for a body of `size` bytes.
    pub(crate) fn size(status: u16, content_type: &str, size: u64) -> Self {
        Self { body: Body::Size(size), ..Self::empty(status) }.header("content-type", content_type)
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Body {
    /// Returns the size of the body.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Stream { size, .. } | Self::Size(size) => *size,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Empty => "Empty",
            Self::Bytes(_) => "Bytes",
            Self::Stream { .. } => "Stream",
            Self::Size(_) => "Size",
        };
        f.debug_tuple(name).field(&self.size()).finish()
    }
}
