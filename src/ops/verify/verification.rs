//! The result of a check.

use std::collections::HashSet;
use std::time::Duration;

use crate::base::Digest;
use crate::object::Version;
use crate::ops::verify::finding::Finding;

/// The result of a check.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Verification {
    /// The number of manifests that were read.
    pub manifests: usize,
    /// The number of distinct blobs that they reference.
    pub blobs: u64,
    /// The number of bytes of blobs that were read.
    pub bytes_read: u64,
    /// Everything that is wrong: manifests first, then blobs by digest.
    pub findings: Vec<Finding>,
    /// The number of requests sent, including retries.
    pub requests: u64,
    /// The elapsed time.
    pub elapsed: Duration,
    /// The manifests that reference a lost blob: their name, their version when they were read, and their lost blobs.
    pub(super) affected: Vec<Affected>,
}

/// A manifest that references lost blobs.
#[derive(Clone, Debug)]
pub(super) struct Affected {
    pub(super) name: String,
    pub(super) version: Option<Version>,
    pub(super) lost: HashSet<Digest>,
}

impl Verification {
    /// Returns whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}
