//! Writes a blob into the directory.

use std::fmt;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use crate::base::{Digest, Error, OrderedHasher, Result, Unpoisoned as _};
use crate::files::TempFile;
use crate::layout::write::destination::Destination;

/// Writes a blob to a temporary file until [`finish`](Self::finish) verifies it.
///
/// Use [`write`](Self::write) to write from the start, or [`write_at`](Self::write_at) to write in any order and from
/// several threads. If dropped early, it leaves nothing behind.
pub struct BlobWriter {
    destination: Arc<Destination>,
    temp: TempFile,
    digest: Digest,
    size: u64,
    written: u64,
    writing: Mutex<()>,
    hasher: OrderedHasher,
}

impl BlobWriter {
    pub(super) fn new(destination: Arc<Destination>, temp: TempFile, digest: Digest, size: u64) -> Self {
        Self {
            destination,
            temp,
            digest,
            size,
            written: 0,
            writing: Mutex::default(),
            hasher: OrderedHasher::default(),
        }
    }

    /// Sets the file's size before any bytes are written.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be that large.
    pub fn allocate(&self) -> Result<()> {
        self.temp.set_len(self.size).map_err(|error| Error::io("write", self.temp.path(), error))
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// [`Error::Integrity`] if they exceed the blob's size; [`Error::Io`] if they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_at(self.written, bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Writes bytes at the given offset. Each byte may be written only once.
    ///
    /// # Errors
    /// Same as [`write`](Self::write).
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        if offset.saturating_add(bytes.len() as u64) > self.size {
            let message = format!("the blob {} is longer than its {} bytes", self.digest, self.size);
            return Err(Error::integrity(message));
        }
        // Writers of one file wait for each other in any case, but here without spinning.
        let writing = self.writing.lock().unpoisoned();
        let written = self.temp.file().write_all_at(bytes, offset);
        drop(writing);
        written.map_err(|error| Error::io("write", self.temp.path(), error))?;
        self.hasher.arrive(offset, bytes);
        Ok(())
    }

    /// Returns whether the bytes at `offset` are hashed next.
    pub(crate) fn hashes_next(&self, offset: u64) -> bool {
        self.hasher.is_at(offset)
    }

    /// Hashes the bytes that arrived out of order and no longer have a gap before them, unless another thread is doing
    /// so. Call it from a thread that does not hold a connection.
    ///
    /// # Errors
    /// [`Error::Io`] if the bytes cannot be read back.
    pub fn catch_up(&self) -> Result<()> {
        self.hasher.catch_up(&mut |offset, buffer| self.read_back(offset, buffer))
    }

    /// Waits until the bytes are on disk.
    pub(super) fn sync(&self) -> Result<()> {
        self.temp.sync().map_err(|error| Error::io("write", self.temp.path(), error))
    }

    /// Renames the blob to its final name. Returns `false` and removes the file if its size or digest is wrong.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read back or renamed.
    pub fn finish(self) -> Result<bool> {
        let digest = self.hasher.finish(self.size, &mut |offset, buffer| self.read_back(offset, buffer))?;
        if digest != Some(self.digest) {
            return Ok(false);
        }
        self.destination.rename_blob(&self.temp, &self.digest)?;
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
