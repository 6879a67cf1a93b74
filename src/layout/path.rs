//! The paths of a cache directory.

use std::path::{Path, PathBuf};

use crate::base::Digest;

/// A cache directory and the paths of its files. `blob.rs` and `read.rs` add the operations on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LayoutPath(PathBuf);

impl LayoutPath {
    pub(super) fn new(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }

    /// Returns the directory itself.
    pub(super) fn dir(&self) -> &Path {
        &self.0
    }

    pub(super) fn oci_layout(&self) -> PathBuf {
        self.0.join("oci-layout")
    }

    pub(super) fn index(&self) -> PathBuf {
        self.0.join("index.json")
    }

    /// Returns the path of the file that BuildKit locks while it reads or changes the index.
    pub(super) fn index_lock(&self) -> PathBuf {
        self.0.join("index.json.lock")
    }

    /// Returns the directory with one directory of blobs for each hash algorithm.
    pub(super) fn algorithms_dir(&self) -> PathBuf {
        self.0.join("blobs")
    }

    pub(super) fn blobs_dir(&self) -> PathBuf {
        self.algorithms_dir().join("sha256")
    }

    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs_dir().join(digest.hex())
    }
}
