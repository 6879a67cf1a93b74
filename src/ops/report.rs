//! What an export or an import did.

use std::time::Duration;

use crate::base::Error;

/// The number of distinct blobs, by what happened to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobCounts {
    /// All distinct blobs of the cache config. For an import, excludes blobs needed only by dropped layers.
    pub total: usize,
    /// Transferred, or in a dry run, to be transferred.
    pub transferred: usize,
    /// Already present at the target, touched or not.
    pub present: usize,
    /// Present and refreshed by a server-side copy.
    pub touched: usize,
    /// Missing or corrupt at the source, or refused by it. Their layers were dropped.
    pub missing: usize,
}

/// What an export or an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The number of layers in the cache config. Several layers may share a blob.
    pub layers: usize,
    /// The blobs of those layers.
    pub blobs: BlobCounts,
    /// The total size of the transferred blobs, in bytes.
    pub bytes: u64,
    /// The number of requests sent, including retries.
    pub requests: u64,
    /// The elapsed time.
    pub elapsed: Duration,
    /// For an export, the names the manifest was written under. For an import, the names with a usable manifest.
    pub names: Vec<String>,
    /// For an export with `on_conflict=merge`, what became of the manifest of each name.
    pub merged: Vec<MergedManifest>,
    /// Whether this was a dry run, which writes nothing.
    pub dry_run: bool,
}

/// A manifest that an export has merged with the one it found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergedManifest {
    /// The name of the manifest.
    pub name: String,
    /// The number of leaves: records that no other record links to.
    pub leaves: usize,
    /// The number of leaves that only other exports have.
    pub kept: usize,
    /// The number of leaves that were dropped because of their age or the size of the manifest.
    pub dropped: usize,
    /// The number of blobs that other exports need and that are gone. The results that need them were dropped.
    pub lost_blobs: usize,
    /// How often another writer came between.
    pub conflicts: usize,
}

/// The outcome of a successful import.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportOutcome {
    /// The cache was restored, or in a dry run, could be.
    Restored(Report),
    /// No manifest exists, or none of its layers could be restored. The index of the directory was not written.
    Miss,
}

/// The outcome of one source of an import.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SourceOutcome {
    /// Manifests exist under these names.
    Found(Vec<String>),
    /// No manifest exists under any of its names.
    Miss,
    /// The source could not be read.
    Failed(Error),
}
