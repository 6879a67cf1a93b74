//! What an export or an import did.

use std::time::Duration;

use crate::base::ErrorKind;

/// How many distinct blobs there were, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobCounts {
    /// All distinct blobs of the cache config; of an import without those that only dropped layers needed.
    pub total: usize,
    /// Moved (in a dry run: that would be moved).
    pub transferred: usize,
    /// Already at the target, touched or not.
    pub present: usize,
    /// Present and made new again by a server-side copy.
    pub touched: usize,
    /// Gone or corrupt at the source, or refused by it; their layers were dropped.
    pub missing: usize,
}

/// What an export or an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The layers of the cache config; a blob may be in several.
    pub layers: usize,
    /// The blobs behind them.
    pub blobs: BlobCounts,
    /// The bytes of the blobs that were moved.
    pub bytes: u64,
    /// The requests sent, every attempt counted.
    pub requests: u64,
    /// The time it took.
    pub elapsed: Duration,
    /// The names the manifest was written under, or was found under and could be used.
    pub names: Vec<String>,
    /// Nothing was written: it was only found out what would be.
    pub dry_run: bool,
}

/// How an import ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportOutcome {
    /// The directory holds the cache.
    Restored(Report),
    /// There is no such cache, and nothing was written.
    Miss,
}

/// What one of the sources of an import had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceOutcome {
    /// Manifests under these names.
    Found(Vec<String>),
    /// No manifest under any of its names.
    Miss,
    /// It could not be read.
    Failed {
        /// The kind of the error.
        kind: ErrorKind,
        /// What failed, with its causes.
        message: String,
        /// The likely fix.
        hint: Option<String>,
    },
}
