//! Reads a blob lazily.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use crate::base::{Digest, Hasher, Result};
use crate::ops::cache::S3Cache;
use crate::ops::resume::ResumingReader;

/// A reader that verifies a blob's digest. If the digest is wrong, the end of the blob is an error of kind
/// [`InvalidData`](io::ErrorKind::InvalidData) instead. Created by
/// [`S3Cache::open_blob`](crate::ops::S3Cache::open_blob).
pub struct BlobReader {
    inner: ResumingReader,
    digest: Digest,
    hasher: Option<Hasher>,
    corrupt: bool,
}

impl S3Cache {
    /// Opens a blob. Returns `None` if it does not exist or is archived. Resumes after a broken connection. Does not count
    /// against the limit on connections, so any number of blobs can be open.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub fn open_blob(&self, digest: &Digest) -> Result<Option<BlobReader>> {
        let key = self.keys.blob(digest);
        let reader = ResumingReader::open(Arc::new(self.store.without_limit()), self.context.clone(), key)?;
        Ok(reader.map(|reader| BlobReader::new(reader, *digest)))
    }
}

impl BlobReader {
    pub(super) fn new(inner: ResumingReader, digest: Digest) -> Self {
        Self { inner, digest, hasher: Some(Hasher::new()), corrupt: false }
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> u64 {
        self.inner.size()
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.inner.read(buffer)?;
        if read > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(buffer.get(..read).unwrap_or_default());
            }
            return Ok(read);
        }
        if let Some(hasher) = self.hasher.take() {
            self.corrupt = hasher.finish() != self.digest;
        }
        if self.corrupt {
            let location = self.inner.location();
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{location} does not have its digest")));
        }
        Ok(0)
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader").field("digest", &self.digest).field("size", &self.inner.size()).finish()
    }
}
