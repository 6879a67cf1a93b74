//! The lock that makes conditions atomic.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::base::{Error, Result};
use crate::object::{PutMode, Version};
use crate::store::dir::bucket::{DirStore, version};

/// Which other changes to objects of the bucket may happen at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// Other unconditional changes.
    Shared,
    /// No other change.
    Exclusive,
}

impl Share {
    /// Returns the lock that a write needs.
    pub(super) fn of(mode: &PutMode) -> Self {
        if *mode == PutMode::Overwrite { Self::Shared } else { Self::Exclusive }
    }
}

impl DirStore {
    /// Locks the bucket's directory, which exists, until the file is dropped. Returns `None` if a shared lock cannot be
    /// taken.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if an exclusive lock cannot be taken.
    pub(super) fn lock(&self, share: Share) -> Result<Option<File>> {
        match (locked(&self.bucket, share), share) {
            (Ok(directory), _) => Ok(Some(directory)),
            (Err(_), Share::Shared) => Ok(None),
            (Err(error), Share::Exclusive) => {
                let message = format!("{} cannot be locked, so conditions cannot be checked", self.bucket.display());
                Err(Error::unsupported(message).with_source(error))
            }
        }
    }
}

fn locked(directory: &Path, share: Share) -> io::Result<File> {
    let directory = File::open(directory)?;
    loop {
        let locked = match share {
            Share::Shared => directory.lock_shared(),
            Share::Exclusive => directory.lock(),
        };
        match locked {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(directory),
        }
    }
}

/// Checks the condition of a write. The caller holds the lock.
///
/// # Errors
/// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if it does not hold.
pub(super) fn check(path: &Path, mode: &PutMode) -> Result<()> {
    match (mode, current(path)?) {
        (PutMode::Create, Some(_)) => Err(Error::precondition_failed(format!("{} already exists", path.display()))),
        (PutMode::Replace(wanted), found) => check_version(path, wanted, found.as_ref()),
        (PutMode::Overwrite | PutMode::Create, _) => Ok(()),
    }
}

/// Checks that the object has this version. The caller holds the lock.
///
/// # Errors
/// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if it has another one, or does not exist.
pub(super) fn check_version(path: &Path, wanted: &Version, found: Option<&Version>) -> Result<()> {
    match found {
        Some(found) if found == wanted => Ok(()),
        Some(_) => Err(Error::precondition_failed(format!("{} has changed", path.display()))),
        None => Err(Error::precondition_failed(format!("{} no longer exists", path.display()))),
    }
}

/// Returns the version of the object at `path`; `None` if it does not exist.
///
/// # Errors
/// If the file system fails.
pub(super) fn current(path: &Path) -> Result<Option<Version>> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => Ok(Some(version(&meta))),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::io("read the metadata of", path, error)),
    }
}
