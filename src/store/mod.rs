//! The object store contract, and its two implementations: S3, and a plain directory.
//!
//! Implementations retry what is worth retrying themselves; a caller that sees an error has seen the last one. Every
//! operation may be repeated: objects are content-addressed or overwritten whole.

mod dir;
mod open;
mod s3;

use std::io::Read;
use std::ops::Range;
use std::time::Duration;

use crate::base::{Payload, Result};

pub use dir::DirStore;
pub(crate) use open::{Parts, context, open, open_s3, provider};
pub(crate) use s3::S3Store;

/// One bucket of an object store. Keys are UTF-8, at most 1,024 bytes, compared byte for byte.
pub trait ObjectStore: Send + Sync {
    /// The object as people name it, for messages: `s3://bucket/key`, or a path.
    fn location(&self, key: &str) -> String;

    /// Makes sure that the bucket can be reached before anything is sent to it.
    ///
    /// # Errors
    /// When it does not exist or is not ours to use. A missing permission to look at the bucket is not an error: the
    /// permissions on its objects are what counts.
    fn probe(&self) -> Result<()>;

    /// What is known of an object without its bytes; `None` when it does not exist.
    ///
    /// # Errors
    /// When the store cannot tell: a missing object is no error, a missing bucket and a missing permission are.
    fn head(&self, key: &str) -> Result<Option<ObjectMeta>>;

    /// Opens an object; `None` when it does not exist.
    ///
    /// # Errors
    /// As [`head`](Self::head). Errors of the body come while it is read.
    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>>;

    /// Writes an object whole, or not at all.
    ///
    /// # Errors
    /// When it was not written; also when the payload could not be read or its bytes were not those it announced.
    fn put(&self, key: &str, payload: &dyn Payload) -> Result<()>;

    /// Begins to write an object of `size` bytes in parts; `None` where the store has no parts, and then
    /// [`put`](Self::put) takes any size.
    ///
    /// # Errors
    /// When the store refuses.
    fn put_in_parts<'a>(&'a self, key: &str, size: u64) -> Result<Option<Box<dyn PartsUpload + 'a>>> {
        let _ = (key, size);
        Ok(None)
    }

    /// Sets the object's age to zero without sending its bytes.
    ///
    /// # Errors
    /// When the store refuses.
    fn touch(&self, key: &str, meta: &ObjectMeta) -> Result<Touch>;

    /// One page of the objects whose keys begin with `prefix`, in no promised order.
    ///
    /// # Errors
    /// When the store refuses.
    fn list(&self, prefix: &str, continuation: Option<&str>) -> Result<ListPage>;

    /// Removes an object; one that does not exist is removed already.
    ///
    /// # Errors
    /// When it is still there.
    fn delete(&self, key: &str) -> Result<()>;

    /// How many requests were sent so far, every attempt counted. Zero where there are none to count.
    fn requests(&self) -> u64;
}

/// An object on its way into a store in parts: it appears whole, when it is completed. Dropped before that, the upload
/// is given up, and the store told so.
///
/// Parts are written by several threads, in any order, each perhaps more than once. They have one size, but for the
/// last, which may be smaller.
pub trait PartsUpload: Send + Sync {
    /// Writes one part. `number` counts from one; `offset` is where its bytes begin in the object.
    ///
    /// # Errors
    /// As [`ObjectStore::put`].
    fn put_part(&self, number: u32, offset: u64, payload: &dyn Payload) -> Result<()>;

    /// Makes one part of the bytes `range` of the object `source`, which the store has, without sending them.
    ///
    /// # Errors
    /// When the store refuses.
    fn copy_part(&self, number: u32, offset: u64, source: &str, range: Range<u64>) -> Result<Touch>;

    /// Makes the object of the parts that were written.
    ///
    /// # Errors
    /// When it was not made: the parts are not those of an object, or the store failed.
    fn complete(self: Box<Self>) -> Result<()>;
}

/// What a store knows of an object without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMeta {
    /// The size in bytes.
    pub size: u64,
    /// The time since it was written, by the store's own clock; `None` when the store does not say.
    pub age: Option<Duration>,
    /// False for an archived object, whose bytes cannot be had now.
    pub readable: bool,
}

/// How to open an object.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct GetOptions {
    /// Only these bytes. An end past the object's is cut; a start at or past it is an error.
    pub range: Option<Range<u64>>,
    /// Only if the object still has this entity tag, as [`Object::etag`] gave it.
    pub if_match: Option<String>,
}

/// An opened object, or the opened range of one.
#[non_exhaustive]
pub struct Object {
    /// The size of the whole object in bytes.
    pub size: u64,
    /// The entity tag, where the store has one: changes when the object does.
    pub etag: Option<String>,
    /// The bytes asked for. Ends early with an error, never silently, when the store said how many there are.
    pub body: Box<dyn Read + Send>,
    /// The store does not do ranges: it sends the whole object, and what was not asked for is dropped on the way.
    pub whole: bool,
}

/// How a touch, or another copy inside the store, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Touch {
    /// The object is new again, or the bytes are copied.
    Done,
    /// The object does not exist (any more): upload it.
    Gone,
    /// The store cannot copy so large an object, or parts of one: upload it again.
    Unsupported,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListPage {
    /// Keys and what is known of their objects.
    pub objects: Vec<(String, ObjectMeta)>,
    /// What to ask the next page with; `None` when this is the last.
    pub continuation: Option<String>,
}

impl ObjectMeta {
    /// A readable object of `size` bytes, `age` old.
    pub fn new(size: u64, age: Option<Duration>) -> Self {
        Self { size, age, readable: true }
    }
}

impl GetOptions {
    /// Only the bytes of `range`.
    pub fn range(range: Range<u64>) -> Self {
        Self { range: Some(range), if_match: None }
    }
}

impl Object {
    /// An object of `size` bytes in all, whose asked-for bytes `body` yields.
    pub fn new(size: u64, etag: Option<String>, body: Box<dyn Read + Send>) -> Self {
        Self { size, etag, body, whole: false }
    }
}
