//! Writes a cache into the directory: first the blobs, then the config and the manifest, the index last.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::{Digest, Error, Problem, Result};
use crate::cache_config::CacheConfig;
use crate::files::{
    FileSystem, TempFile, TempFolder, create_dir, is_not_replaced, open_file, read_file, root_directory, sync_dir,
    sync_file,
};
use crate::layout::blob::BlobWriter;
use crate::layout::cache::LocalCache;
use crate::layout::durable::Durable;
use crate::layout::index::{Index, MAX_INDEX_BYTES};
use crate::layout::lock::IndexLock;
use crate::layout::manifest::{self, IMAGE_MANIFEST, Reference};

/// How many times to retry after another writer removes an empty directory.
const TRIES: u32 = 100;
const OCI_LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// BuildKit's modes, before the umask.
const DIR_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

/// Writes a cache into a directory. If dropped before [`commit`](Self::commit), it leaves the old cache unchanged and
/// keeps only complete blobs.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let work = tempfile::tempdir()?;
/// use s3_build_cache::{BlobSource, CacheConfig, LocalCache};
///
/// let source = LocalCache::open("tests/fixtures/min/local", "latest")?;
/// let config = source.load()?;
/// let target = LocalCache::create(work.path().join("copy"), "latest");
/// let writer = target.begin_write()?;
/// for (digest, size) in config.blobs() {
///     let mut bytes = Vec::new();
///     std::io::Read::read_to_end(&mut source.open_blob(&digest)?, &mut bytes)?;
///     let mut blob = writer.blob(&digest, size)?;
///     blob.write(&bytes)?;
///     assert!(blob.finish()?, "the bytes have their digest");
/// }
/// writer.commit(&config)?;
/// assert_eq!(target.load()?, config);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LayoutWriter {
    shared: Arc<Shared>,
}

/// The sizes of the documents that a commit wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// The size of the cache config in bytes.
    pub config_size: u64,
    /// The size of the manifest in bytes.
    pub manifest_size: u64,
}

/// The state shared by the writer and its blobs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) cache: LocalCache,
    pub(super) temps: TempFolder,
    durable: Durable,
    /// The directories created by this writer, outermost first.
    made: Mutex<Vec<PathBuf>>,
}

impl LayoutWriter {
    pub(super) fn begin(cache: &LocalCache, system: Arc<dyn FileSystem>) -> Result<Self> {
        let temps = TempFolder::on(system, cache.dir());
        let (durable, made) = (Durable::default(), Mutex::default());
        let shared = Arc::new(Shared { cache: cache.clone(), temps, durable, made });
        if root_directory(cache.dir())? {
            shared.temps.sweep()?;
        }
        shared.with_dirs(|| shared.make_dirs())?;
        shared.probe()?;
        Ok(Self { shared })
    }

    /// Makes every blob durable before the index refers to it, including blobs that were already present. Without it, a
    /// power cut within seconds of the commit may leave a blob with the right size and wrong bytes;
    /// [`LocalCache::verify_blob`] detects it.
    #[must_use]
    pub fn sync(self) -> Self {
        self.shared.durable.want();
        self
    }

    /// Begins writing a blob of that digest and size. Several blobs may be written concurrently, including the same
    /// one.
    ///
    /// # Errors
    /// [`Error::Io`] if the temporary file cannot be created.
    pub fn blob(&self, digest: &Digest, size: u64) -> Result<BlobWriter> {
        let temp = self.shared.temporary()?;
        Ok(BlobWriter::new(self.shared.clone(), temp, *digest, size))
    }

    /// Writes the config and the manifest, then points the tag at them in the index. All blobs of `config` should be
    /// present by now.
    ///
    /// # Errors
    /// [`Error::Io`] if a write fails; [`Error::Locked`] if other processes hold the index lock for ten seconds. The
    /// tag then still refers to the old cache.
    pub fn commit(self, config: &CacheConfig) -> Result<Committed> {
        // Both are large if there are many layers, so only one is in memory at a time.
        let reference = self.small_blob(&config.to_local_json())?;
        let Reference { digest, size } = self.small_blob(&manifest::print(&reference, config.descriptors()))?;
        // The index must not reach the disk before the names of the files it refers to.
        self.shared.sync_all(config)?;
        self.shared.with_dirs(|| self.shared.set_tag(&digest, size))?;
        Ok(Committed { config_size: reference.size, manifest_size: size })
    }

    fn small_blob(&self, bytes: &[u8]) -> Result<Reference> {
        let reference = Reference { digest: Digest::of(bytes), size: bytes.len() as u64 };
        if self.shared.has_durable(&reference)? {
            return Ok(reference);
        }
        let mut blob = self.blob(&reference.digest, reference.size)?;
        blob.write(bytes)?;
        blob.sync()?;
        match blob.finish()? {
            true => Ok(reference),
            false => Err(Error::Integrity(Problem::new("the bytes changed while they were written"))),
        }
    }
}

impl Shared {
    pub(super) fn temporary(&self) -> Result<TempFile> {
        self.with_dirs(|| self.temps.create(FILE_MODE))
    }

    /// Returns whether the file is present and valid. If so, it is also on disk.
    fn has_durable(&self, Reference { digest, size }: &Reference) -> Result<bool> {
        if !self.cache.has_blob(digest, *size)? || !self.cache.verify_blob(digest)? {
            return Ok(false);
        }
        let path = self.cache.blob_path(digest);
        let Some(opened) = open_file(&path)? else { return Ok(false) };
        sync_file(self.temps.system(), &opened.file).map_err(|error| Error::io("sync", path, error))?;
        Ok(true)
    }

    /// Renames a complete blob to its final name and sets BuildKit's mode, which is read-only. An existing blob, valid
    /// or not, is replaced atomically. If the file system refuses that, a valid blob is kept and an invalid one removed
    /// first.
    ///
    /// Does not wait for the disk unless [requested](LayoutWriter::sync), because that takes most of the time of a
    /// large import. The blobs are copies of objects in the store. A power cut within seconds may lose some, which
    /// `verify_existing` detects.
    pub(super) fn name_blob(&self, temp: &TempFile, digest: &Digest) -> Result<()> {
        let path = self.cache.blob_path(digest);
        self.durable.sync_new(temp).map_err(|error| Error::io("write", temp.path(), error))?;
        match self.name(temp, &path) {
            Err(Error::Io(error)) if is_not_replaced(&error.source) && self.cache.verify_blob(digest)? => return Ok(()),
            Err(Error::Io(error)) if is_not_replaced(&error.source) && self.temps.system().remove(&path).is_ok() => {
                self.name(temp, &path)?;
            }
            other => other?,
        }
        self.durable.named(digest);
        if let Ok(meta) = temp.file().metadata() {
            temp.set_mode(meta.mode() & 0o444);
        }
        Ok(())
    }

    pub(super) fn name(&self, temp: &TempFile, path: &Path) -> Result<()> {
        self.with_dirs(|| temp.name(path).map_err(|error| Error::io("rename a temporary to", path, error)))
    }

    /// Waits until the names of the blobs are on disk. If `sync` is set, also waits for all their bytes and the names
    /// of the parent directories.
    fn sync_all(&self, config: &CacheConfig) -> Result<()> {
        let (system, dir, blobs_dir) = (self.temps.system(), self.cache.dir(), self.cache.blobs_dir());
        if self.durable.is_wanted() {
            self.durable.sync_others(system, &self.cache, config)?;
            let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            for parent in [dir].into_iter().chain(blobs_dir.parent()).chain(made.iter().filter_map(|dir| dir.parent()))
            {
                sync_dir(system, parent)?;
            }
        }
        sync_dir(system, &blobs_dir)
    }

    fn set_tag(&self, digest: &Digest, size: u64) -> Result<()> {
        let dir = self.cache.dir();
        let _lock = IndexLock::exclusive(self.temps.system(), dir)?;
        let mut index = read_index(dir)?;
        index.set(self.cache.tag(), IMAGE_MANIFEST, digest, size)?;
        let layout = dir.join("oci-layout");
        if read_file(&layout, MAX_INDEX_BYTES)?.as_deref() != Some(OCI_LAYOUT) {
            self.replace(&layout, OCI_LAYOUT)?;
        }
        self.replace(&dir.join("index.json"), &index.print())?;
        sync_dir(self.temps.system(), dir)
    }

    /// Replaces a file atomically and keeps its mode.
    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let temp = self.temps.create(FILE_MODE)?;
        let write = || -> io::Result<()> {
            temp.file().write_all(bytes)?;
            if let Ok(Some(old)) = open_file(path) {
                temp.set_mode(old.meta.mode() & 0o777);
            }
            temp.persist(path)
        };
        write().map_err(|error| Error::io("write", path, error))
    }

    /// Runs `act`, which needs the directories. Recreates them if another writer, which had created them, removed them
    /// as empty.
    pub(super) fn with_dirs<T>(&self, act: impl Fn() -> Result<T>) -> Result<T> {
        let mut tries = TRIES;
        loop {
            match act() {
                Err(Error::Io(error)) if error.source.kind() == io::ErrorKind::NotFound && tries > 0 => tries -= 1,
                other => return other,
            }
            match self.make_dirs() {
                Err(Error::Io(error)) if error.source.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
    }

    fn make_dirs(&self) -> Result<()> {
        let dir = self.cache.dir();
        if !root_directory(dir)? {
            let mut missing: Vec<&Path> = dir.ancestors().take_while(|path| !is_dir(path)).collect();
            missing.reverse();
            for path in missing {
                self.make_dir(path)?;
            }
        }
        self.make_dir(&dir.join("blobs"))?;
        self.make_dir(&self.cache.blobs_dir())
    }

    fn make_dir(&self, path: &Path) -> Result<()> {
        if create_dir(path, DIR_MODE)? {
            self.made.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
        }
        Ok(())
    }
}

/// Removes the directories that this writer created and that are still empty.
impl Drop for Shared {
    fn drop(&mut self) {
        self.temps.remove_if_empty();
        let made = std::mem::take(self.made.get_mut().unwrap_or_else(PoisonError::into_inner));
        for path in made.iter().rev() {
            let _ = fs::remove_dir(path);
        }
    }
}

/// The empty path means the current directory.
fn is_dir(path: &Path) -> bool {
    path.as_os_str().is_empty() || path.is_dir()
}

pub(super) fn read_index(dir: &Path) -> Result<Index> {
    let path = dir.join("index.json");
    Index::parse(&read_file(&path, MAX_INDEX_BYTES)?.unwrap_or_default())
}
