//! Opens, reads and checks the blobs of a cache directory.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;

use crate::base::{Digest, Error, Hasher, Result};
use crate::files::{Opened, directory, open_file, root_directory};
use crate::layout::manifest::Reference;
use crate::layout::path::LayoutPath;

/// Large enough to need few system calls.
const CHUNK_BYTES: usize = 128 * 1024;

impl LayoutPath {
    /// Returns the size in bytes, or `None` if the blob does not exist.
    pub(super) fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.open_if_present(digest)?.map(|opened| opened.meta.len()))
    }

    /// Opens the blob at `offset`.
    pub(super) fn open_blob(&self, digest: &Digest, offset: u64) -> Result<File> {
        let failed = |error| Error::io("read", self.blob(digest), error);
        let Some(Opened { mut file, .. }) = self.open_if_present(digest)? else {
            return Err(failed(io::ErrorKind::NotFound.into()));
        };
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        Ok(file)
    }

    /// Returns a value that changes whenever the file is modified or replaced.
    pub(super) fn blob_stamp(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.open_if_present(digest)?.map(|Opened { meta, .. }| {
            let mut hasher = DefaultHasher::new();
            // Excludes the change time (ctime), because renaming the file updates it.
            (meta.dev(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()).hash(&mut hasher);
            hasher.finish()
        }))
    }

    /// Returns whether the blob exists and matches its digest. Stops if `check`, which runs before each read, fails.
    pub(super) fn verify_blob(&self, digest: &Digest, check: impl Fn() -> Result<()>) -> Result<bool> {
        let Some(Opened { mut file, .. }) = self.open_if_present(digest)? else { return Ok(false) };
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            check()?;
            match file.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish() == *digest),
                Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", self.blob(digest), error)),
            }
        }
    }

    /// Reads a small blob into memory.
    ///
    /// # Errors
    /// [`Error::Integrity`] if it is missing, its size or digest is wrong, or it has more than `limit` bytes;
    /// [`Error::Io`] if it cannot be read.
    pub(super) fn read_blob(&self, reference: &Reference, limit: u64) -> Result<Vec<u8>> {
        let Reference { digest, size } = reference;
        let wrong = |why: String| Error::integrity(format!("the blob {digest} {why}"));
        if *size > limit {
            return Err(wrong(format!("has {size} bytes, more than the limit of {limit}")));
        }
        let Some(Opened { file, meta }) = self.open_if_present(digest)? else {
            return Err(wrong("is missing".to_owned()));
        };
        if meta.len() != *size {
            return Err(wrong(format!("has {} bytes instead of {size}", meta.len())));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(*size).unwrap_or_default());
        let read = file.take(*size).read_to_end(&mut bytes);
        read.map_err(|error| Error::io("read", self.blob(digest), error))?;
        match Digest::of(&bytes) == *digest {
            true => Ok(bytes),
            false => Err(wrong("does not match its digest".to_owned())),
        }
    }

    fn open_if_present(&self, digest: &Digest) -> Result<Option<Opened>> {
        let has_dirs =
            root_directory(self.dir())? && directory(&self.algorithms_dir())? && directory(&self.blobs_dir())?;
        if has_dirs { open_file(&self.blob(digest)) } else { Ok(None) }
    }
}
