//! Writing an object in parts.

use std::ops::Range;
use std::time::Duration;

use crate::base::{Error, Result};
use crate::go::Timestamp;
use crate::object::meta::Version;
use crate::object::payload::Payload;

/// An object being written in parts. It appears as a whole when completed; if dropped before that, the upload is
/// aborted.
///
/// Parts are written by several threads, in any order, possibly more than once. All have the same size, except that the
/// last may be smaller.
pub trait MultipartUpload: Send + Sync {
    /// Writes one part. `number` counts from one; `offset` is the position of the part in the object, in bytes.
    ///
    /// # Errors
    /// As [`ObjectStore::put`](crate::object::ObjectStore::put).
    fn put_part(&self, number: u32, offset: u64, payload: &dyn Payload) -> Result<()>;

    /// Writes one part from the bytes `range` of the existing object `source`, with a server-side copy.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) or [`Archived`](crate::ErrorKind::Archived) if the source cannot be
    /// copied; [`Unsupported`](crate::ErrorKind::Unsupported) (the default) if the store cannot copy parts of it.
    fn copy_part(&self, number: u32, offset: u64, source: &str, range: Range<u64>) -> Result<()> {
        let _ = (number, offset, range);
        Err(Error::unsupported(format!("the store cannot copy parts of {source}")))
    }

    /// Creates the object from the parts that were written. Returns its version if the store reports it. May be called
    /// again after an error.
    ///
    /// # Errors
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if the condition of the upload does not hold. Any
    /// other error if the object was not created: the parts are incomplete, or the store failed.
    fn complete(&self) -> Result<Option<Version>>;
}

/// A multipart upload that was neither completed nor aborted, and whose parts occupy space.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnfinishedUpload {
    /// The key of the object.
    pub key: String,
    /// The store's name for the upload.
    pub id: String,
    /// When the upload began, by the store's clock; `None` if the store does not report it.
    pub initiated: Option<Timestamp>,
    /// The time since then, by the same clock.
    pub age: Option<Duration>,
}

impl UnfinishedUpload {
    /// Returns an upload of unknown age.
    pub fn new(key: impl Into<String>, id: impl Into<String>) -> Self {
        Self { key: key.into(), id: id.into(), initiated: None, age: None }
    }

    /// Sets when the upload began, and how long ago that was, both by the store's clock.
    #[must_use]
    pub fn initiated(mut self, at: Timestamp, age: Duration) -> Self {
        (self.initiated, self.age) = (Some(at), Some(age));
        self
    }
}
