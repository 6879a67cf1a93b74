//! What a store reports about an object.

use std::fmt;
use std::time::Duration;

use crate::go::Timestamp;

/// A value that changes whenever the bytes of an object change: the entity tag of S3, with its quotes.
///
/// In S3, an object that is touched, or overwritten with the same bytes, may keep its version. In a directory, it gets
/// a new one.
///
/// ```
/// use s3_build_cache::object::Version;
///
/// assert!(Version::new("\"9f86d081\"").is_strong());
/// assert!(!Version::new("W/\"9f86d081\"").is_strong());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(String);

impl Version {
    /// Wraps an entity tag, exactly as the store sent it.
    pub fn new(entity_tag: impl Into<String>) -> Self {
        Self(entity_tag.into())
    }

    /// Returns the entity tag, exactly as the store sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a condition can be based on this version. Stores refuse conditions on weak entity tags, and
    /// empty ones identify nothing.
    pub fn is_strong(&self) -> bool {
        !self.0.is_empty() && !self.0.starts_with("W/")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Metadata of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMeta {
    /// The size in bytes.
    pub size: u64,
    /// The current version; `None` if the store does not report one.
    pub version: Option<Version>,
    /// When the object was last modified, by the store's clock; `None` if the store does not report it.
    pub last_modified: Option<Timestamp>,
    /// The time since then, by the same clock. Unlike a difference to the local clock, it is right even if that clock
    /// is wrong.
    pub age: Option<Duration>,
    /// False for an archived object, whose bytes are currently unavailable.
    pub readable: bool,
}

impl ObjectMeta {
    /// Returns the metadata of a readable object of `size` bytes, without a version or times.
    pub fn new(size: u64) -> Self {
        Self { size, version: None, last_modified: None, age: None, readable: true }
    }

    /// Returns when the object was last modified, in whole seconds since 1970.
    pub(crate) fn modified_second(&self) -> Option<i64> {
        self.last_modified.map(Timestamp::unix_seconds)
    }

    /// Sets the version.
    #[must_use]
    pub fn with_version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// Sets when the object was last modified, and how long ago that was, both by the store's clock.
    #[must_use]
    pub fn modified(mut self, at: Timestamp, age: Duration) -> Self {
        (self.last_modified, self.age) = (Some(at), Some(age));
        self
    }
}
