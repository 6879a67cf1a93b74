//! The object store contract and its two implementations: S3 and a plain directory.
//!
//! Implementations retry on their own; an error returned to the caller is final. Every operation can be repeated:
//! objects are content-addressed or overwritten completely.

mod dir;
mod limit;
mod open;
mod s3;

use std::io::Read;
use std::ops::Range;
use std::time::Duration;

use crate::base::{Payload, Result};

pub use dir::DirStore;
pub(crate) use limit::Limited;
pub(crate) use open::{Parts, context, open, open_s3, provider, settings};
pub(crate) use s3::S3Store;

/// A bucket in an object store. Keys are UTF-8, at most 1,024 bytes, and compared bytewise.
pub trait ObjectStore: Send + Sync {
    /// Returns the object's location for messages: `s3://bucket/key`, or a path.
    fn location(&self, key: &str) -> String;

    /// Checks that the bucket can be reached, before anything is sent to it.
    ///
    /// # Errors
    /// If the bucket does not exist or access to it is denied. A missing permission to list the bucket is not an error,
    /// because only the permissions on its objects matter.
    fn probe(&self) -> Result<()>;

    /// Returns the metadata of an object, or `None` if it does not exist.
    ///
    /// # Errors
    /// If the store cannot determine it. A missing object is not an error; a missing bucket or permission is.
    fn head(&self, key: &str) -> Result<Option<ObjectMeta>>;

    /// Opens an object. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// As [`head`](Self::head). Errors in the body are returned while it is read.
    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>>;

    /// Writes an object completely or not at all.
    ///
    /// # Errors
    /// If it was not written, including when the payload could not be read or did not match its announced size and
    /// digest.
    fn put(&self, key: &str, payload: &dyn Payload) -> Result<()>;

    /// Begins to write an object of `size` bytes in parts. Returns `None` if the store does not support parts; then
    /// [`put`](Self::put) accepts any size.
    ///
    /// # Errors
    /// If the store refuses.
    fn put_in_parts<'a>(&'a self, key: &str, size: u64) -> Result<Option<Box<dyn PartsUpload + 'a>>> {
        let _ = (key, size);
        Ok(None)
    }

    /// Refreshes the object's last-modified time without sending its bytes.
    ///
    /// # Errors
    /// If the store refuses.
    fn touch(&self, key: &str, meta: &ObjectMeta) -> Result<Touch>;

    /// Returns one page of the objects whose keys begin with `prefix`, in no particular order.
    ///
    /// # Errors
    /// If the store refuses.
    fn list(&self, prefix: &str, continuation: Option<&str>) -> Result<ListPage>;

    /// Deletes an object. Deleting a missing object succeeds.
    ///
    /// # Errors
    /// If the object was not deleted.
    fn delete(&self, key: &str) -> Result<()>;

    /// Returns the number of requests sent so far, every attempt counted; zero if the store sends none.
    fn requests(&self) -> u64;
}

/// An object being written in parts. It appears as a whole when completed; if dropped before that, the upload is
/// aborted.
///
/// Parts are written by several threads, in any order, possibly more than once. All have the same size, except that the
/// last may be smaller.
pub trait PartsUpload: Send + Sync {
    /// Writes one part. `number` counts from one; `offset` is the position of the part in the object.
    ///
    /// # Errors
    /// As [`ObjectStore::put`].
    fn put_part(&self, number: u32, offset: u64, payload: &dyn Payload) -> Result<()>;

    /// Writes one part from the bytes `range` of the existing object `source`, with a server-side copy.
    ///
    /// # Errors
    /// If the store refuses.
    fn copy_part(&self, number: u32, offset: u64, source: &str, range: Range<u64>) -> Result<Touch>;

    /// Creates the object from the parts that were written.
    ///
    /// # Errors
    /// If it was not created: the parts are incomplete, or the store failed.
    fn complete(self: Box<Self>) -> Result<()>;
}

/// Metadata of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMeta {
    /// The size in bytes.
    pub size: u64,
    /// The time since it was last modified, by the store's clock; `None` if the store does not report it.
    pub age: Option<Duration>,
    /// False for an archived object, whose bytes are currently unavailable.
    pub readable: bool,
}

/// How to open an object.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct GetOptions {
    /// Read only these bytes. An end past the end of the object is truncated; a start at or past it is an error.
    pub range: Option<Range<u64>>,
    /// Open the object only if it still has this entity tag, taken from [`Object::etag`].
    pub if_match: Option<String>,
}

/// An opened object, or an opened range of one.
#[non_exhaustive]
pub struct Object {
    /// The size of the whole object in bytes.
    pub size: u64,
    /// The entity tag, if the store has one; it changes whenever the object does.
    pub etag: Option<String>,
    /// The requested bytes. If the store announced a length and sends less, reading ends with an error.
    pub body: Box<dyn Read + Send>,
    /// The store ignores ranges: it sends the whole object, and the bytes outside the range are discarded.
    pub whole: bool,
}

/// The result of a touch or another server-side copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Touch {
    /// The object is refreshed, or the bytes are copied.
    Done,
    /// The object does not exist (any more): upload it.
    Gone,
    /// The store cannot copy an object of this size, or parts of one: upload it again.
    Unsupported,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListPage {
    /// Keys and metadata of the objects.
    pub objects: Vec<(String, ObjectMeta)>,
    /// The token for the next page; `None` if this is the last.
    pub continuation: Option<String>,
    /// There may be more objects, even without a next page to ask for.
    pub incomplete: bool,
}

impl ObjectMeta {
    /// Returns the metadata of a readable object of `size` bytes and of this age.
    pub fn new(size: u64, age: Option<Duration>) -> Self {
        Self { size, age, readable: true }
    }
}

impl GetOptions {
    /// Returns options that read only the bytes of `range`.
    pub fn range(range: Range<u64>) -> Self {
        Self { range: Some(range), if_match: None }
    }
}

impl Object {
    /// Returns an object of `size` bytes in all; `body` yields the requested bytes.
    pub fn new(size: u64, etag: Option<String>, body: Box<dyn Read + Send>) -> Self {
        Self { size, etag, body, whole: false }
    }
}
