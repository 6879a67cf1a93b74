//! A cache in a directory: finds it by tag, and reads its config and blobs.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Digest, Error, Hasher, Problem, Result};
use crate::cache_config::{CacheConfig, MAX_MANIFEST_BYTES};
use crate::files::{FileSystem, Native, Opened, directory, open_file, read_file, root_directory};
use crate::layout::index::{Index, MAX_INDEX_BYTES};
use crate::layout::lock::IndexLock;
use crate::layout::manifest::{self, Manifest, Reference};
use crate::layout::write::LayoutWriter;
use crate::object::BlobSource;

/// Large enough to need few system calls.
const CHUNK_BYTES: usize = 128 * 1024;
const HOW_TO_WRITE: &str = "write one with docker buildx build --cache-to type=local,dest=DIR";

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
    dir: PathBuf,
    tag: String,
    digest: Option<Digest>,
}

impl LocalCache {
    /// The tag BuildKit uses by default.
    pub const DEFAULT_TAG: &str = "latest";

    /// Opens the cache tagged `tag` in an existing cache directory. [`load`](Self::load) looks up the tag; for
    /// `latest`, it also accepts the only entry of a directory, whatever its tag.
    ///
    /// # Errors
    /// [`Error::Io`] if `dir` does not exist, is not a directory, or has no `index.json`.
    pub fn open(dir: impl Into<PathBuf>, tag: &str) -> Result<Self> {
        let cache = Self::create(dir, tag);
        if !root_directory(&cache.dir)? {
            return Err(missing("open the cache directory", &cache.dir));
        }
        match open_file(&cache.index_path())? {
            Some(_) => Ok(cache),
            None => Err(missing("find a build cache: there is no", &cache.index_path())),
        }
    }

    /// Opens the cache whose manifest has this digest, like BuildKit's `digest=`. The index is not read, so the
    /// manifest needs no tag. A write tags the new cache `latest`.
    ///
    /// # Errors
    /// [`Error::Io`] if `dir` does not exist or is not a directory.
    pub fn open_digest(dir: impl Into<PathBuf>, digest: Digest) -> Result<Self> {
        let cache = Self { digest: Some(digest), ..Self::create(dir, Self::DEFAULT_TAG) };
        match root_directory(&cache.dir)? {
            true => Ok(cache),
            false => Err(missing("open the cache directory", &cache.dir)),
        }
    }

    /// Names a cache to be written to `dir` with the tag `tag`. Does not touch the file system until the cache is
    /// written.
    ///
    /// ```
    /// let cache = s3_build_cache::LocalCache::create("restored", "latest");
    /// assert!(!cache.dir().exists());
    /// ```
    pub fn create(dir: impl Into<PathBuf>, tag: &str) -> Self {
        Self { dir: dir.into(), tag: tag.to_owned(), digest: None }
    }

    /// Returns the directory.
    pub fn dir(&self) -> &Path {
        &self.dir
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
        let read = || {
            let manifest = match self.digest {
                Some(digest) => self.manifest_with(digest, system)?,
                None => self.read_index(system)?.find(&self.tag)?,
            };
            let manifest = Manifest::parse(&self.read_blob(&manifest, manifest::MAX_BYTES)?)?;
            let config = self.read_blob(&manifest.config, MAX_MANIFEST_BYTES)?;
            CacheConfig::from_local_json(&config, &manifest.layers)
        };
        read().map_err(|error| self.blame(error, &format!("the directory is damaged: {HOW_TO_WRITE}")))
    }

    /// Adds the directory and a hint to an error about one of its files.
    fn blame(&self, mut error: Error, hint: &str) -> Error {
        if let Error::Usage(problem) | Error::Integrity(problem) = &mut error {
            problem.message = format!("{}: {}", self.dir.display(), problem.message);
            problem.hint.get_or_insert_with(|| hint.to_owned());
        }
        error
    }

    /// Returns whether the blob exists as a file of that size. Does not read the file.
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
        let Some(Opened { mut file, .. }) = self.open_if_there(digest)? else { return Ok(false) };
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            check()?;
            match file.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish() == *digest),
                Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", self.blob_path(digest), error)),
            }
        }
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
        LayoutWriter::begin(self, system).map_err(|error| self.blame(error, hint))
    }

    pub(super) fn blobs_dir(&self) -> PathBuf {
        self.dir.join("blobs").join("sha256")
    }

    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blobs_dir().join(digest.hex())
    }

    fn index_path(&self) -> PathBuf {
        self.dir.join("index.json")
    }

    fn read_index(&self, system: &dyn FileSystem) -> Result<Index> {
        if !root_directory(&self.dir)? {
            return Err(missing("open the cache directory", &self.dir));
        }
        let path = self.index_path();
        // Checked before locking, so that a directory without a cache stays untouched.
        if open_file(&path)?.is_none() {
            return Err(missing("find a build cache: there is no", &path));
        }
        let lock = IndexLock::shared(system, &self.dir)?;
        let json = read_file(&path, MAX_INDEX_BYTES)?;
        drop(lock);
        Index::parse(&json.ok_or_else(|| missing("find a build cache: there is no", &path))?)
    }

    fn manifest_with(&self, digest: Digest, system: &dyn FileSystem) -> Result<Reference> {
        match self.blob_size(&digest)? {
            Some(size) => Ok(Reference { digest, size }),
            None => {
                let hint =
                    self.read_index(system).map_or_else(|_| HOW_TO_WRITE.to_owned(), |index| index.entries_hint());
                Err(Error::Usage(Problem::new(format!("there is no manifest {digest}")).hint(hint)))
            }
        }
    }

    fn read_blob(&self, reference: &Reference, limit: u64) -> Result<Vec<u8>> {
        let Reference { digest, size } = reference;
        let wrong = |why: String| Error::Integrity(Problem::new(format!("the blob {digest} {why}")));
        if *size > limit {
            return Err(wrong(format!("has {size} bytes, more than the {limit} that are read")));
        }
        let Some(Opened { file, meta }) = self.open_if_there(digest)? else {
            return Err(wrong("is missing".to_owned()));
        };
        if meta.len() != *size {
            return Err(wrong(format!("has {} bytes instead of {size}", meta.len())));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(*size).unwrap_or_default());
        let read = file.take(*size).read_to_end(&mut bytes);
        read.map_err(|error| Error::io("read", self.blob_path(digest), error))?;
        match Digest::of(&bytes) == *digest {
            true => Ok(bytes),
            false => Err(wrong("does not have its digest".to_owned())),
        }
    }

    fn open_if_there(&self, digest: &Digest) -> Result<Option<Opened>> {
        let there = root_directory(&self.dir)? && directory(&self.dir.join("blobs"))? && directory(&self.blobs_dir())?;
        if there { open_file(&self.blob_path(digest)) } else { Ok(None) }
    }
}

impl BlobSource for LocalCache {
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.open_if_there(digest)?.map(|opened| opened.meta.len()))
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send>> {
        self.open_blob_at(digest, 0)
    }

    fn open_blob_at(&self, digest: &Digest, offset: u64) -> Result<Box<dyn Read + Send>> {
        let failed = |error| Error::io("read", self.blob_path(digest), error);
        let Some(Opened { mut file, .. }) = self.open_if_there(digest)? else {
            return Err(failed(io::ErrorKind::NotFound.into()));
        };
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        Ok(Box::new(file))
    }

    fn blob_stamp(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.open_if_there(digest)?.map(|Opened { meta, .. }| {
            let mut hasher = DefaultHasher::new();
            // Excludes the change time (ctime), because renaming the file updates it.
            (meta.dev(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()).hash(&mut hasher);
            hasher.finish()
        }))
    }

    fn repair_hint(&self) -> Option<String> {
        Some("the local cache is damaged or in use: remove the directory and build it again".to_owned())
    }
}

fn missing(action: &'static str, path: &Path) -> Error {
    // Uses the familiar wording of the system.
    let source = io::Error::from_raw_os_error(libc::ENOENT);
    let hint = format!("{HOW_TO_WRITE}; a build with nothing to cache writes none");
    Error::io(action, path, source).with_hint(hint)
}
