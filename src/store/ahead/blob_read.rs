//! What to read, and where.

use std::ops::Range;
use std::sync::Arc;

use crate::base::{Cancel, Clock, Digest};
use crate::object::ObjectStore as _;
use crate::store::limit::Limited;

/// What to read, and where.
#[derive(Clone)]
pub(crate) struct BlobRead {
    pub(crate) store: Arc<Limited>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Ends the read. Each reader also stops its own threads when it is dropped.
    pub(crate) cancel: Cancel,
    pub(crate) key: String,
    pub(crate) digest: Digest,
    /// The size of the whole blob.
    pub(crate) size: u64,
    /// The bytes to hand out. An end past the end of the blob is truncated.
    pub(crate) range: Range<u64>,
    pub(crate) abandoned: Abandoned,
}

/// Returns whether the client that waits for the bytes has left. It is called when they do not arrive for a while.
pub(crate) type Abandoned = Arc<dyn Fn() -> bool + Send + Sync>;

impl BlobRead {
    /// Returns the object's location for messages.
    pub(super) fn location(&self) -> String {
        self.store.location(&self.key)
    }
}
