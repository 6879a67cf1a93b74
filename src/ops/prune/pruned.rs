//! The result of a pruning.

use std::time::Duration;

use crate::base::Digest;
use crate::ops::survey::BlobSum;

/// What a pruning has done.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Pruned {
    /// The names of the manifests that were dropped.
    pub dropped: Vec<String>,
    /// The names of those that were written again since they were listed, and are kept.
    pub kept: Vec<String>,
    /// The blobs that were deleted.
    pub deleted: BlobSum,
    /// The blobs that were to be deleted, and were refreshed or are referenced again.
    pub spared: BlobSum,
    /// The blobs that earlier runs have recorded and that are not yet to be deleted.
    pub waiting: BlobSum,
    /// The blobs that this run has recorded.
    pub recorded: BlobSum,
    /// The number of unfinished multipart uploads that were aborted.
    pub uploads: usize,
    /// The deleted blobs that manifests written during the pruning name.
    pub lost: Vec<LostBlob>,
    /// The number of requests sent, including retries.
    pub requests: u64,
    /// The elapsed time.
    pub elapsed: Duration,
}

/// A deleted blob that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostBlob {
    /// The key of the manifest, as a location.
    pub manifest: String,
    /// The blob.
    pub blob: Digest,
}

/// A step of a pruning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PruneStep {
    /// The manifest with this name was dropped.
    Dropped(String),
    /// The manifest with this name was written again meanwhile, and is kept.
    Kept(String),
    /// The blob was deleted.
    Deleted(Digest),
}
