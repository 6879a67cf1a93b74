//! What answers requests.

use super::request::Request;
use super::response::Response;

/// Answers requests. It is called once for each request, on the thread of the connection.
///
/// A handler that waits for something other than the request's body must stop when the server does: after the grace
/// period of [`Stopper::stop`](super::Stopper::stop), the connection is shut down, but the server cannot interrupt the
/// handler, and [`Server::run`](super::Server::run) returns only after it.
pub(crate) trait Handler: Send + Sync {
    /// Answers the request. If the handler does not read the whole body, the connection is usually closed after the
    /// response.
    fn handle(&self, request: &mut Request<'_>) -> Response;
}
