//! A number of blobs, and their total size.

/// A number of blobs, and their total size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobSum {
    /// The number of blobs. Each blob counts once.
    pub blobs: u64,
    /// Their total size in bytes.
    pub bytes: u64,
}

impl BlobSum {
    /// Adds a blob of this size.
    pub(in crate::ops) fn add(&mut self, bytes: u64) {
        self.blobs += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Removes a blob of this size.
    pub(super) fn remove(&mut self, bytes: u64) {
        self.blobs = self.blobs.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}
