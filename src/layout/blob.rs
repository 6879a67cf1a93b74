//! A blob on its way into the directory.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;

use crate::base::{Digest, Error, Hasher, Problem, Result};
use crate::files::TempFile;
use crate::layout::write::Shared;

/// A blob that is being written: a temporary until [`finish`](Self::finish) finds that it is what it should be.
///
/// Dropped before that, it leaves nothing behind.
pub struct BlobWriter {
    shared: Arc<Shared>,
    temp: TempFile,
    digest: Digest,
    size: u64,
    written: u64,
    hasher: Hasher,
}

impl BlobWriter {
    pub(super) fn new(shared: Arc<Shared>, temp: TempFile, digest: Digest, size: u64) -> Self {
        Self { shared, temp, digest, size, written: 0, hasher: Hasher::new() }
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// [`Error::Integrity`] when there are more than the blob's size; [`Error::Io`] when they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.written.saturating_add(bytes.len() as u64);
        if written > self.size {
            let message = format!("the blob {} goes on after its {} bytes", self.digest, self.size);
            return Err(Error::Integrity(Problem::new(message)));
        }
        self.temp.file().write_all(bytes).map_err(|error| Error::io("write", self.temp.path(), error))?;
        self.hasher.update(bytes);
        self.written = written;
        Ok(())
    }

    /// Gives the blob its name; `false` when its size or its digest is wrong, and then nothing is left of it.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be named.
    pub fn finish(self) -> Result<bool> {
        if self.written != self.size || self.hasher.finish() != self.digest {
            return Ok(false);
        }
        read_only(&self.temp).map_err(|error| Error::io("change the mode of", self.temp.path(), error))?;
        self.shared.name_blob(&self.temp, &self.digest)?;
        Ok(true)
    }
}

/// As BuildKit does: only the permissions to read stay, of those the umask left.
fn read_only(temp: &TempFile) -> io::Result<()> {
    let mode = temp.file().metadata()?.mode() & 0o444;
    temp.file().set_permissions(PermissionsExt::from_mode(mode))
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digest, size, written, .. } = self;
        f.debug_struct("BlobWriter").field("digest", digest).field("size", size).field("written", written).finish()
    }
}
