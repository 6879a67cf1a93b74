//! Requests that are refused before a handler sees them.

/// The response to a request that is malformed, ambiguous or too large. The connection is closed after it, because the
/// end of the request is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    /// What is wrong. It holds nothing of the request.
    pub(crate) reason: &'static str,
}

impl Rejection {
    /// Returns a rejection with status 400.
    pub(super) fn bad(reason: &'static str) -> Self {
        Self { status: 400, reason }
    }
}
