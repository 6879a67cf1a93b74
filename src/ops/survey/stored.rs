//! The blobs of a bucket, as they were listed.

use crate::base::Digest;
use crate::bucket::{BlobTable, StoredBlob};
use crate::ops::survey::sum::BlobSum;

/// The blobs of a bucket.
#[derive(Default)]
pub(in crate::ops) struct StoredBlobs {
    pub(in crate::ops) table: BlobTable,
    /// Objects under the prefix of the blobs that are not blobs.
    pub(in crate::ops) others: BlobSum,
    /// When the listing began, in seconds since 1970 by the store's clock.
    pub(in crate::ops) began: Option<i64>,
}

impl StoredBlobs {
    /// Returns a blob, or `None` if the listing lacks it.
    pub(in crate::ops) fn get(&self, digest: &Digest) -> Option<StoredBlob> {
        self.table.position(digest).and_then(|at| self.table.get(at))
    }
}
