//! Reading an object.

use std::fmt;
use std::io::Read;
use std::ops::Range;

use crate::object::meta::Version;

/// How to open an object.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct GetOptions {
    /// Read only these bytes. An end past the end of the object is truncated.
    pub range: Option<Range<u64>>,
    /// Open the object only if this is still its version.
    pub if_match: Option<Version>,
}

impl GetOptions {
    /// Returns options that read only the bytes of `range`.
    pub fn range(range: Range<u64>) -> Self {
        Self { range: Some(range), if_match: None }
    }

    /// Opens the object only if this is still its version.
    #[must_use]
    pub fn if_match(mut self, version: Version) -> Self {
        self.if_match = Some(version);
        self
    }
}

/// An opened object, or an opened range of one.
#[non_exhaustive]
pub struct Object {
    /// The size of the whole object in bytes.
    pub size: u64,
    /// The version of the object; `None` if the store does not report one.
    pub version: Option<Version>,
    /// The requested bytes. If the store announced a length and sends less, reading ends with an error.
    pub body: Box<dyn Read + Send>,
    /// Whether the store ignores ranges: it sends the whole object, and the bytes outside the range are discarded.
    pub whole: bool,
}

impl Object {
    /// Returns an object of `size` bytes in all; `body` yields the requested bytes.
    pub fn new(size: u64, version: Option<Version>, body: Box<dyn Read + Send>) -> Self {
        Self { size, version, body, whole: false }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Object");
        debug.field("size", &self.size).field("version", &self.version).finish_non_exhaustive()
    }
}
