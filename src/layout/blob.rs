//! A blob on its way into the directory.

use std::fmt;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::base::{Digest, Error, OrderedHasher, Problem, Result};
use crate::files::TempFile;
use crate::layout::write::Shared;

/// A blob that is being written: a temporary until [`finish`](Self::finish) finds that it is what it should be.
///
/// It is written from the front by [`write`](Self::write), or in any order and by several threads by
/// [`write_at`](Self::write_at). Dropped before its end it leaves nothing behind.
pub struct BlobWriter {
    shared: Arc<Shared>,
    temp: TempFile,
    digest: Digest,
    size: u64,
    written: u64,
    hasher: OrderedHasher,
}

impl BlobWriter {
    pub(super) fn new(shared: Arc<Shared>, temp: TempFile, digest: Digest, size: u64) -> Self {
        Self { shared, temp, digest, size, written: 0, hasher: OrderedHasher::default() }
    }

    /// Gives the file its size before its bytes come.
    ///
    /// # Errors
    /// [`Error::Io`] when there cannot be so large a file.
    pub fn allocate(&self) -> Result<()> {
        self.temp.set_len(self.size).map_err(|error| Error::io("write", self.temp.path(), error))
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// [`Error::Integrity`] when there are more than the blob's size; [`Error::Io`] when they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_at(self.written, bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Writes bytes to where they belong; each only once.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        if offset.saturating_add(bytes.len() as u64) > self.size {
            let message = format!("the blob {} goes on after its {} bytes", self.digest, self.size);
            return Err(Error::Integrity(Problem::new(message)));
        }
        let written = self.temp.file().write_all_at(bytes, offset);
        written.map_err(|error| Error::io("write", self.temp.path(), error))?;
        self.hasher.arrive(offset, bytes);
        Ok(())
    }

    /// Hashes what has arrived out of order and need not wait for other bytes any more, unless another thread is at it:
    /// for a thread that keeps no connection waiting.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read back.
    pub fn catch_up(&self) -> Result<()> {
        self.hasher.catch_up(&mut |offset, buffer| self.read_back(offset, buffer))
    }

    /// Waits until the bytes have reached the disk.
    pub(super) fn sync(&self) -> Result<()> {
        self.temp.sync().map_err(|error| Error::io("write", self.temp.path(), error))
    }

    /// Gives the blob its name; `false` when its size or its digest is wrong, and then nothing is left of it.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be named.
    pub fn finish(self) -> Result<bool> {
        let digest = self.hasher.finish(self.size, &mut |offset, buffer| self.read_back(offset, buffer))?;
        if digest != Some(self.digest) {
            return Ok(false);
        }
        self.shared.name_blob(&self.temp, &self.digest)?;
        Ok(true)
    }

    fn read_back(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let read = self.temp.file().read_exact_at(buffer, offset);
        read.map_err(|error| Error::io("read", self.temp.path(), error))?;
        Ok(buffer.len())
    }
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobWriter").field("digest", &self.digest).field("size", &self.size).finish_non_exhaustive()
    }
}
