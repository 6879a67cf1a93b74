//! Makes a cache survive a power cut: every blob reaches the disk before the index refers to it.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::{Digest, Error, Result};
use crate::cache_config::CacheConfig;
use crate::files::{FileSystem, TempFile, open_file, sync_file};
use crate::layout::path::LayoutPath;

/// Tracks which blobs are on disk, if that is required before the index refers to them.
#[derive(Debug, Default)]
pub(super) struct Durable {
    wanted: AtomicBool,
    synced: Mutex<HashSet<Digest>>,
}

impl Durable {
    pub(super) fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Waits until the bytes of a new blob are on disk, if required.
    pub(super) fn sync_new(&self, temp: &TempFile) -> io::Result<()> {
        if self.is_wanted() { temp.sync() } else { Ok(()) }
    }

    /// Records that a synced blob has its final name.
    pub(super) fn renamed(&self, digest: &Digest) {
        if self.is_wanted() {
            self.synced.lock().unwrap_or_else(PoisonError::into_inner).insert(*digest);
        }
    }

    /// Waits until the other blobs of `config` are on disk, because an earlier run may have left them only in memory.
    pub(super) fn sync_others(&self, system: &dyn FileSystem, dir: &LayoutPath, config: &CacheConfig) -> Result<()> {
        let synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        for (digest, _) in config.blobs() {
            let path = dir.blob(&digest);
            if !synced.contains(&digest)
                && let Some(opened) = open_file(&path)?
            {
                sync_file(system, &opened.file).map_err(|error| Error::io("sync", path, error))?;
            }
        }
        Ok(())
    }
}
