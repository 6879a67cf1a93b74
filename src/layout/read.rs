//! Finds a cache in the directory by its tag or digest, and reads its config.

use std::io;
use std::path::Path;

use crate::base::{Digest, Error, Result};
use crate::cache_config::{CacheConfig, MAX_MANIFEST_BYTES};
use crate::files::{FileSystem, open_file, read_file, root_directory};
use crate::layout::index::{Index, MAX_INDEX_BYTES};
use crate::layout::lock::IndexLock;
use crate::layout::manifest::{self, Manifest, Reference};
use crate::layout::path::LayoutPath;

/// How to get a cache directory.
pub(super) const HOW_TO_WRITE: &str = "write one with docker buildx build --cache-to type=local,dest=DIR";

impl LayoutPath {
    /// Checks that the directory exists.
    ///
    /// # Errors
    /// [`Error::Io`] if it does not, or is not a directory.
    pub(super) fn check_dir(&self) -> Result<()> {
        match root_directory(self.dir())? {
            true => Ok(()),
            false => Err(missing("open the cache directory", self.dir())),
        }
    }

    /// Checks that the directory and its index exist.
    ///
    /// # Errors
    /// [`Error::Io`] if one of them does not.
    pub(super) fn check_index(&self) -> Result<()> {
        self.check_dir()?;
        match open_file(&self.index())? {
            Some(_) => Ok(()),
            None => Err(no_index(&self.index())),
        }
    }

    /// Returns the manifest with that tag.
    pub(super) fn find_tag(&self, tag: &str, system: &dyn FileSystem) -> Result<Reference> {
        self.read_index_locked(system)?.find(tag)
    }

    /// Returns the manifest with that digest.
    pub(super) fn find_digest(&self, digest: Digest, system: &dyn FileSystem) -> Result<Reference> {
        match self.blob_size(&digest)? {
            Some(size) => Ok(Reference { digest, size }),
            None => {
                let index = self.read_index_locked(system);
                let hint = index.map_or_else(|_| HOW_TO_WRITE.to_owned(), |index| index.entries_hint());
                Err(Error::usage(format!("there is no manifest {digest}")).with_hint(hint))
            }
        }
    }

    /// Reads and checks the config of a manifest.
    pub(super) fn read_config(&self, manifest: &Reference) -> Result<CacheConfig> {
        let manifest = Manifest::parse(&self.read_blob(manifest, manifest::MAX_BYTES)?)?;
        let config = self.read_blob(&manifest.config, MAX_MANIFEST_BYTES)?;
        CacheConfig::from_local_json(&config, &manifest.layers)
    }

    /// Reads the index. Returns an empty one if the file does not exist. Writers hold the lock while they call this.
    pub(super) fn read_index(&self) -> Result<Index> {
        Index::parse(&read_file(&self.index(), MAX_INDEX_BYTES)?.unwrap_or_default())
    }

    fn read_index_locked(&self, system: &dyn FileSystem) -> Result<Index> {
        // Checked before locking, so that a directory without a cache stays untouched.
        self.check_index()?;
        let path = self.index();
        let lock = IndexLock::shared(system, self)?;
        let json = read_file(&path, MAX_INDEX_BYTES)?;
        drop(lock);
        Index::parse(&json.ok_or_else(|| no_index(&path))?)
    }
}

fn no_index(path: &Path) -> Error {
    missing("find a build cache: there is no", path)
}

fn missing(action: &'static str, path: &Path) -> Error {
    // Uses the familiar wording of the system.
    let source = io::Error::from_raw_os_error(libc::ENOENT);
    let hint = format!("{HOW_TO_WRITE}; a build with nothing to cache writes none");
    Error::io(action, path, source).with_hint(hint)
}
