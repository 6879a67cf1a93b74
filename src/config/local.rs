//! A local cache directory in buildx's syntax: `type=local,src=DIR,tag=TAG`.

use std::path::PathBuf;

use crate::base::Digest;

/// A local cache directory and a tag in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalOptions {
    /// The directory.
    pub dir: PathBuf,
    /// The tag of the cache in the directory's index.
    pub tag: String,
    /// The digest of the manifest to read instead of the tag; attributes can set only one of the two. It has no effect
    /// when the directory is written.
    pub digest: Option<Digest>,
}

impl LocalOptions {
    /// BuildKit's default tag.
    pub const DEFAULT_TAG: &str = "latest";

    /// Creates options for the cache tagged `latest` in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), tag: Self::DEFAULT_TAG.to_owned(), digest: None }
    }
}
