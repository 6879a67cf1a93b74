//! The requests that the server received.

use super::http::Head;
use super::route::{Operation, Route};

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) operation: Operation,
    pub(crate) method: String,
    /// As on the wire, still encoded.
    pub(crate) path: String,
    /// As on the wire, still encoded, without the question mark.
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The number of body bytes that were read.
    pub(crate) body_len: u64,
    /// The status of the response; 0 if there was none.
    pub(crate) status: u16,
    /// The error code of the rule that the request broke, if any, even if a fault replaced the response.
    pub(crate) refused: Option<String>,
    /// The number of its connection, counted from 1.
    pub(crate) connection: u64,
}

impl Recorded {
    pub(crate) fn new(head: &Head, route: &Route, connection: u64) -> Self {
        Self {
            operation: route.operation,
            method: head.method.clone(),
            path: head.path.clone(),
            query: head.query.clone(),
            headers: head.headers.clone(),
            body_len: 0,
            status: 0,
            refused: None,
            connection,
        }
    }

    /// Returns the first header of that name, which must be in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}
