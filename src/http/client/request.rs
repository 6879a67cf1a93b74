//! Requests.

use std::time::Duration;

use crate::http::origin::Origin;
use crate::object::Payload;

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

/// One HTTP request.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) origin: Origin<'a>,
    /// The encoded path and query, sent unchanged.
    pub(crate) target: String,
    /// `host` and any other headers the caller sends, in lower case, except `content-length`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<&'a dyn Payload>,
    /// Sends the body only after the server asks for it.
    pub(crate) expect_continue: bool,
    /// How long the server may take to respond.
    pub(crate) answer_timeout: Duration,
    /// Opens a new connection instead of reusing an idle one: if one idle connection is dead, the others may be too.
    pub(crate) new_connection: bool,
    pub(crate) on_stop: OnStop,
}

/// What a request does when its client is cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnStop {
    /// It is interrupted.
    #[default]
    BreakOff,
    /// It gets a short grace period: what it creates on the server can be cleaned up only after reading the response.
    Linger,
    /// It cleans up: it is sent even after cancellation, and must finish within `answer_timeout`.
    CleanUp,
}
