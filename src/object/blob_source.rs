//! Blobs by digest, wherever an embedder keeps them.

use std::io::{self, Read};

use crate::base::{Digest, Error, Result};

/// Blobs by digest: a local cache directory, or any other place where an embedder stores its layers.
///
/// Methods added in later versions will have a default, so that implementations keep compiling.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bucket = tempfile::tempdir()?;
/// use std::collections::HashMap;
/// use std::io::Read;
///
/// use s3_build_cache::{CacheOptions, Digest, Error, ExportOptions, S3Cache};
/// use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder};
/// use s3_build_cache::object::BlobSource;
/// use s3_build_cache::time::Timestamp;
///
/// struct InMemory(HashMap<Digest, Vec<u8>>);
///
/// impl BlobSource for InMemory {
///     fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
///         Ok(self.0.get(digest).map(|bytes| bytes.len() as u64))
///     }
///
///     fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, Error> {
///         let bytes = self.0.get(digest).ok_or_else(|| Error::integrity(format!("no blob {digest}")))?;
///         Ok(Box::new(bytes.as_slice()))
///     }
/// }
///
/// let bytes = b"a layer".to_vec();
/// let blob = Digest::of(&bytes);
/// let mut builder = CacheConfigBuilder::new();
/// let layer = builder.layer(blob, None, Annotations {
///     media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
///     diff_id: blob,
///     size: bytes.len() as u64,
///     created_at: Timestamp::ZERO,
/// });
/// let step = builder.record(Digest::of(b"a step").to_string(), []);
/// builder.result(step, layer, Timestamp::ZERO);
///
/// let options: CacheOptions =
///     format!("type=s3,bucket=my-cache,endpoint_url=file://{}", bucket.path().display()).parse()?;
/// let source = InMemory(HashMap::from([(blob, bytes)]));
/// let report = S3Cache::open(&options)?.export_config(&builder.build()?, &source, &ExportOptions::new())?;
/// assert_eq!(report.blobs.transferred, 1);
/// # Ok(())
/// # }
/// ```
pub trait BlobSource: Send + Sync {
    /// Returns the size in bytes, or `None` if the source does not have the blob. An export calls this only for blobs
    /// that it has to upload.
    ///
    /// # Errors
    /// If the source cannot determine it.
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>>;

    /// Opens the blob at its first byte. Called once per attempt, so a failed upload starts over.
    ///
    /// # Errors
    /// If the blob is missing or cannot be read.
    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>>;

    /// Opens the blob at `offset`. For each part of a large blob, called once per attempt to send it, once more to hash
    /// the whole blob (unless `verify_source=false`), and once more if the store uses the hashes of parts, unless both
    /// hashes can be computed at once. A source that can seek should override this: the default reads and discards the
    /// bytes before `offset`.
    ///
    /// # Errors
    /// As [`open_blob`](Self::open_blob); also if the blob is shorter than `offset`, possibly only while reading.
    fn open_blob_at(&self, digest: &Digest, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        let mut reader = self.open_blob(digest)?;
        match io::copy(&mut reader.by_ref().take(offset), &mut io::sink()) {
            Ok(_) => Ok(reader),
            Err(error) => Err(Error::integrity(format!("the local blob {digest} cannot be read")).with_source(error)),
        }
    }

    /// Returns a value that changes whenever the blob is modified or replaced; for a file, it is derived from its
    /// identity, size and modification time. `None` (the default) if the source cannot tell. Called only with
    /// `verify_source=false`, before the first part of a large blob is read and after the last is sent: the parts of a
    /// blob that has changed meanwhile do not belong together.
    ///
    /// # Errors
    /// If the source should be able to determine it, but cannot.
    fn blob_stamp(&self, _: &Digest) -> Result<Option<u64>> {
        Ok(None)
    }

    /// Returns how to repair a source with a missing or corrupt blob, shown as the hint of such an error; `None` by
    /// default.
    fn repair_hint(&self) -> Option<String> {
        None
    }
}
