//! Reads a blob lazily.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use crate::base::{Digest, Error, Hasher, Result, reader_from_fn};
use crate::ops::cache::S3Cache;
use crate::store::ResumingReader;

/// A reader of a blob or a range of one, which resumes after a broken connection. Created by
/// [`S3Cache::open_blob`](crate::S3Cache::open_blob).
///
/// The reader of a whole blob verifies its digest: if it is wrong, the end of the blob is an error of kind
/// [`InvalidData`](io::ErrorKind::InvalidData) instead.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bucket = tempfile::tempdir()?;
/// # let options: s3_build_cache::CacheOptions =
/// #     format!("type=s3,bucket=my-cache,endpoint_url=file://{}", bucket.path().display()).parse()?;
/// # let cache = s3_build_cache::S3Cache::open(&options)?;
/// # cache.export(&s3_build_cache::LocalCache::open("tests/fixtures/min/local", "latest")?)?;
/// # let config = cache.load()?.expect("it was exported above");
/// let layer = &config.layers()[0];
/// let reader = cache.open_blob(&layer.blob)?.expect("its blob was exported too");
/// let magic = reader.range(0..2).read_all()?;
/// assert_eq!(magic, [0x1f, 0x8b]);
/// assert_eq!(reader.read_all()?.len() as u64, layer.annotations.size);
/// # Ok(())
/// # }
/// ```
pub struct BlobReader {
    inner: ResumingReader,
    digest: Digest,
    /// `None` for a range, and once the digest is verified.
    hasher: Option<Hasher>,
    corrupt: bool,
}

impl S3Cache {
    /// Opens a blob. Returns `None` if it does not exist or is archived. Does not count against the limit on
    /// connections, so any number of blobs can be open.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub fn open_blob(&self, digest: &Digest) -> Result<Option<BlobReader>> {
        let mut inner = self.without_limit().reader(self.keys.blob(digest));
        let opened = inner.open_unless_archived()?;
        let (digest, hasher) = (*digest, Some(Hasher::new()));
        Ok(opened.then_some(BlobReader { inner, digest, hasher, corrupt: false }))
    }
}

impl BlobReader {
    /// Returns the size of the whole blob in bytes.
    pub fn size(&self) -> u64 {
        self.inner.size()
    }

    /// Returns a reader of only these bytes, which are not verified. A range that ends after the blob is truncated.
    /// Sends no request before the first read.
    pub fn range(&self, range: Range<u64>) -> Self {
        let size = self.size();
        let range = range.start.min(size)..range.end.min(size).max(range.start.min(size));
        Self { inner: self.inner.another(range), digest: self.digest, hasher: None, corrupt: false }
    }

    /// Reads the rest into memory.
    ///
    /// # Errors
    /// [`Error::Integrity`] if the blob does not match its digest; otherwise if the store refuses or fails.
    pub fn read_all(mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = reader_from_fn(|buffer| self.read(buffer)).read_to_end(&mut bytes);
        match read {
            Ok(_) => Ok(bytes),
            Err(_) if self.corrupt => Err(Error::integrity(self.wrong_digest())),
            Err(error) => Err(self.inner.failed(error)),
        }
    }

    fn wrong_digest(&self) -> String {
        format!("{} does not match its digest", self.inner.location())
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
            return Err(io::Error::new(io::ErrorKind::InvalidData, self.wrong_digest()));
        }
        Ok(0)
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader").field("digest", &self.digest).field("size", &self.inner.size()).finish()
    }
}
