//! A cache in a directory, identified by its tag.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Digest, Error, Result};
use crate::cache_config::CacheConfig;
use crate::files::{FileSystem, Native};
use crate::layout::index::DEFAULT_TAG;
use crate::layout::path::LayoutPath;
use crate::layout::read::HOW_TO_WRITE;
use crate::layout::write::LayoutWriter;
use crate::object::BlobSource;

/// A cache in a BuildKit `type=local` cache directory, identified by a tag or a manifest digest.
///
/// ```
/// use s3_build_cache::LocalCache;
///
/// let cache = LocalCache::open("tests/fixtures/max/local", "latest")?;
/// let config = cache.load()?;
/// assert_eq!((config.layers().len(), config.records().len()), (11, 18));
/// # Ok::<(), s3_build_cache::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalCache {
    path: LayoutPath,
    tag: String,
    digest: Option<Digest>,
}

impl LocalCache {
    /// The tag BuildKit uses by default.
    pub const DEFAULT_TAG: &str = DEFAULT_TAG;

    /// Opens the cache tagged `tag` in an existing cache directory. [`load`](Self::load) looks up the tag; for
    /// `latest`, it also accepts the only entry of a directory, whatever its tag.
    ///
    /// # Errors
    /// [`Error::Io`] if `dir` does not exist, is not a directory, or has no `index.json`.
    pub fn open(dir: impl Into<PathBuf>, tag: impl Into<String>) -> Result<Self> {
        let cache = Self::create(dir, tag);
        cache.path.check_index()?;
        Ok(cache)
    }

    /// Opens the cache whose manifest has this digest, like BuildKit's `digest=`. The index is not read, so the
    /// manifest needs no tag. A write tags the new cache `latest`.
    ///
    /// # Errors
    /// [`Error::Io`] if `dir` does not exist or is not a directory.
    pub fn open_digest(dir: impl Into<PathBuf>, digest: Digest) -> Result<Self> {
        let cache = Self { digest: Some(digest), ..Self::create(dir, DEFAULT_TAG) };
        cache.path.check_dir()?;
        Ok(cache)
    }

    /// Names a cache to be written to `dir` with the tag `tag`. Does not touch the file system until the cache is
    /// written.
    ///
    /// ```
    /// let cache = s3_build_cache::LocalCache::create("restored", "latest");
    /// assert!(!cache.dir().exists());
    /// ```
    pub fn create(dir: impl Into<PathBuf>, tag: impl Into<String>) -> Self {
        Self { path: LayoutPath::new(dir), tag: tag.into(), digest: None }
    }

    /// Returns the directory.
    pub fn dir(&self) -> &Path {
        self.path.dir()
    }

    /// Returns the tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Reads and checks the cache config. Does not check the blobs of the layers.
    ///
    /// # Errors
    /// [`Error::Usage`] if the tag or digest does not exist; [`Error::Integrity`] if a file does not match its digest
    /// or format; [`Error::Io`] if a file cannot be read; [`Error::Locked`] if other processes hold the index lock for
    /// ten seconds.
    pub fn load(&self) -> Result<CacheConfig> {
        self.load_on(&Native)
    }

    /// Does the same as [`load`](Self::load), on the given file system.
    pub(super) fn load_on(&self, system: &dyn FileSystem) -> Result<CacheConfig> {
        let manifest = match self.digest {
            Some(digest) => self.path.find_digest(digest, system),
            None => self.path.find_tag(&self.tag, system),
        };
        let config = manifest.and_then(|manifest| self.path.read_config(&manifest));
        config.map_err(|error| self.blame(error, &format!("the directory is damaged: {HOW_TO_WRITE}")))
    }

    /// Adds the directory and a hint to an error about one of its files.
    fn blame(&self, mut error: Error, hint: &str) -> Error {
        if let Error::Usage(problem) | Error::Integrity(problem) = &mut error {
            problem.message = format!("{}: {}", self.dir().display(), problem.message);
            problem.hint.get_or_insert_with(|| hint.to_owned());
        }
        error
    }

    /// Returns whether the blob exists as a file of that size in bytes. Does not read the file.
    ///
    /// # Errors
    /// [`Error::Io`] if the path is not a regular file.
    pub fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool> {
        Ok(self.blob_size(digest)? == Some(size))
    }

    /// Returns whether the blob exists and matches its digest.
    ///
    /// # Errors
    /// Same as [`has_blob`](Self::has_blob), and if the blob cannot be read.
    pub fn verify_blob(&self, digest: &Digest) -> Result<bool> {
        self.verify_blob_while(digest, || Ok(()))
    }

    /// Does the same as [`verify_blob`](Self::verify_blob), but stops if `check` fails.
    ///
    /// # Errors
    /// Same as [`verify_blob`](Self::verify_blob), and those of `check`.
    pub(crate) fn verify_blob_while(&self, digest: &Digest, check: impl Fn() -> Result<()>) -> Result<bool> {
        self.path.verify_blob(digest, check)
    }

    /// Begins writing a cache: creates the directory if needed, removes leftovers of killed runs, and tries the steps
    /// of [`LayoutWriter::commit`] so that a transfer does not fail at its end.
    ///
    /// # Errors
    /// [`Error::Io`] if the directory cannot be created, is not a directory, or is not writable; [`Error::Integrity`]
    /// if its `index.json` is not a valid index; [`Error::Conflict`] if BuildKit would not find the tag there;
    /// [`Error::Locked`] if other processes hold the index lock for ten seconds.
    pub fn begin_write(&self) -> Result<LayoutWriter> {
        self.begin_write_on(Arc::new(Native))
    }

    /// Does the same as [`begin_write`](Self::begin_write), on the given file system.
    pub(super) fn begin_write_on(&self, system: Arc<dyn FileSystem>) -> Result<LayoutWriter> {
        let hint = "remove index.json, or import into another directory";
        LayoutWriter::begin(self.path.clone(), &self.tag, system).map_err(|error| self.blame(error, hint))
    }
}

impl BlobSource for LocalCache {
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        self.path.blob_size(digest)
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>> {
        self.open_blob_at(digest, 0)
    }

    fn open_blob_at(&self, digest: &Digest, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(self.path.open_blob(digest, offset)?))
    }

    fn blob_stamp(&self, digest: &Digest) -> Result<Option<u64>> {
        self.path.blob_stamp(digest)
    }

    fn repair_hint(&self) -> Option<String> {
        Some("the local cache is damaged or in use: remove the directory and build it again".to_owned())
    }
}
