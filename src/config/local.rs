//! A local cache directory as buildx names it: `type=local,src=DIR,tag=TAG`.

use std::path::PathBuf;

use crate::base::Digest;

/// A local cache directory and the tag in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalOptions {
    /// The directory.
    pub dir: PathBuf,
    /// The tag that names the cache in the directory's index.
    pub tag: String,
    /// The digest of the manifest to read, in place of the tag; attributes name only one of the two. It has no effect on a directory that is written.
    pub digest: Option<Digest>,
}

impl LocalOptions {
    /// The tag BuildKit uses when none is given.
    pub const DEFAULT_TAG: &str = "latest";

    /// The cache tagged `latest` in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), tag: Self::DEFAULT_TAG.to_owned(), digest: None }
    }
}
