//! Connections that were made and broke, as opposed to servers that cannot be reached.

use crate::base::S3Error;
use crate::http::Fault;

/// Whether the server was reached, and the connection broke before the answer was complete.
pub(crate) fn connection_broke(error: &S3Error) -> bool {
    let fault = error.source.as_ref().and_then(|source| source.downcast_ref::<Fault>());
    fault.is_some_and(Fault::broke)
}
