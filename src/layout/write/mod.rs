//! Writes a cache into the directory: first the blobs, then the config and the manifest, the index last.

mod blob;
mod destination;
mod durable;
mod preflight;

use std::sync::Arc;

use crate::base::{Digest, Error, Result};
use crate::cache_config::{CacheConfig, Crown};
use crate::files::{FileSystem, open_file, read_file, sync_dir, sync_file};
use crate::layout::index::MAX_INDEX_BYTES;
use crate::layout::lock::IndexLock;
use crate::layout::manifest::{self, IMAGE_MANIFEST, Reference};
use crate::layout::path::LayoutPath;
use crate::layout::sizes::DocumentSizes;

pub use blob::BlobWriter;
pub(super) use destination::Destination;

const OCI_LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// Writes a cache into a directory. If dropped before [`commit`](Self::commit), it leaves the old cache unchanged and
/// keeps only complete blobs.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let work = tempfile::tempdir()?;
/// use s3_build_cache::{CacheConfig, LocalCache};
/// use s3_build_cache::object::BlobSource;
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
///     assert!(blob.finish()?, "the bytes match the digest");
/// }
/// writer.commit(&config)?;
/// assert_eq!(target.load()?, config);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LayoutWriter {
    destination: Arc<Destination>,
    tag: String,
    crown: Crown,
}

impl LayoutWriter {
    /// Prepares the directory, and tries the steps of a commit.
    pub(super) fn begin(path: LayoutPath, tag: &str, system: Arc<dyn FileSystem>) -> Result<Self> {
        let destination = Destination::open(path, system)?;
        destination.preflight(tag)?;
        Ok(Self { destination: Arc::new(destination), tag: tag.to_owned(), crown: Crown::Plain })
    }

    /// Makes every blob durable before the index refers to it, including blobs that were already present. Without it, a
    /// power cut within seconds of the commit may leave a blob with the right size and wrong bytes;
    /// [`LocalCache::verify_blob`](crate::layout::LocalCache::verify_blob) detects it.
    #[must_use]
    pub fn sync(self) -> Self {
        self.destination.durable.want();
        self
    }

    /// Writes the config with this crown instead of [`Crown::Plain`].
    #[must_use]
    pub fn crown(self, crown: Crown) -> Self {
        Self { crown, ..self }
    }

    /// Begins writing a blob of that digest and size in bytes. Several blobs may be written concurrently, including the
    /// same one.
    ///
    /// # Errors
    /// [`Error::Io`] if the temporary file cannot be created.
    pub fn blob(&self, digest: &Digest, size: u64) -> Result<BlobWriter> {
        let temp = self.destination.temporary()?;
        Ok(BlobWriter::new(self.destination.clone(), temp, *digest, size))
    }

    /// Writes the config and the manifest, then points the tag at them in the index. All blobs of `config` should be
    /// present by now. Returns the sizes of both documents.
    ///
    /// # Errors
    /// [`Error::Io`] if a write fails; [`Error::Conflict`] if BuildKit would not find the tag; [`Error::Locked`] if
    /// other processes hold the index lock for ten seconds. The tag then still refers to the old cache.
    pub fn commit(self, config: &CacheConfig) -> Result<DocumentSizes> {
        // Both are large if there are many layers, so only one is in memory at a time.
        let reference = self.write_document(&config.to_local_json(self.crown))?;
        let manifest = self.write_document(&manifest::print(&reference, config.descriptors()))?;
        // The index must not reach the disk before the names of the files it refers to.
        self.sync_all(config)?;
        self.destination.with_dirs(|| self.set_tag(&manifest))?;
        Ok(DocumentSizes { config_size: reference.size, manifest_size: manifest.size })
    }

    /// Writes the config or the manifest and waits until it is on disk.
    fn write_document(&self, bytes: &[u8]) -> Result<Reference> {
        let reference = Reference { digest: Digest::of(bytes), size: bytes.len() as u64 };
        if self.has_durable(&reference)? {
            return Ok(reference);
        }
        let mut blob = self.blob(&reference.digest, reference.size)?;
        blob.write(bytes)?;
        blob.sync()?;
        match blob.finish()? {
            true => Ok(reference),
            false => Err(Error::integrity("the bytes changed while they were being written")),
        }
    }

    /// Returns whether the file is present and valid. If so, it is also on disk.
    fn has_durable(&self, Reference { digest, size }: &Reference) -> Result<bool> {
        let path = &self.destination.path;
        if path.blob_size(digest)? != Some(*size) || !path.verify_blob(digest, || Ok(()))? {
            return Ok(false);
        }
        let path = path.blob(digest);
        let Some(opened) = open_file(&path)? else { return Ok(false) };
        sync_file(self.destination.system(), &opened.file).map_err(|error| Error::io("sync", path, error))?;
        Ok(true)
    }

    /// Waits until the names of the blobs are on disk. If [requested](Self::sync), also waits for all their bytes and
    /// the names of the parent directories.
    fn sync_all(&self, config: &CacheConfig) -> Result<()> {
        let Destination { path, durable, .. } = &*self.destination;
        let system = self.destination.system();
        if durable.is_wanted() {
            durable.sync_others(system, path, config)?;
            let made = self.destination.made_dirs();
            let parents = made.iter().filter_map(|dir| dir.parent());
            for dir in [path.dir(), &path.algorithms_dir()].into_iter().chain(parents) {
                sync_dir(system, dir)?;
            }
        }
        sync_dir(system, &path.blobs_dir())
    }

    fn set_tag(&self, manifest: &Reference) -> Result<()> {
        let path = &self.destination.path;
        let _lock = IndexLock::exclusive(self.destination.system(), path)?;
        let mut index = path.read_index()?;
        index.set(&self.tag, IMAGE_MANIFEST, manifest)?;
        if read_file(&path.oci_layout(), MAX_INDEX_BYTES)?.as_deref() != Some(OCI_LAYOUT) {
            self.destination.replace(&path.oci_layout(), OCI_LAYOUT)?;
        }
        self.destination.replace(&path.index(), &index.print())?;
        sync_dir(self.destination.system(), path.dir())
    }
}
