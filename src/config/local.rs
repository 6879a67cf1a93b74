//! A local cache directory as buildx names it: `type=local,src=DIR,tag=TAG`.

use std::path::PathBuf;

/// A local cache directory and the tag in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalOptions {
    /// The directory.
    pub dir: PathBuf,
    /// The tag that names the cache in the directory's index.
    pub tag: String,
}

impl LocalOptions {
    /// The tag BuildKit uses when none is given.
    pub const DEFAULT_TAG: &str = "latest";

    /// The cache tagged `latest` in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), tag: Self::DEFAULT_TAG.to_owned() }
    }
}
