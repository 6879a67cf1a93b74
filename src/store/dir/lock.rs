//! The lock that makes conditions atomic.
//!
//! It is on a file. A lock on a directory would need no file, but on NFS and SMB it excludes only the processes of one
//! machine, without an error.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::base::{Error, Result};
use crate::files::{open_file, open_or_create};
use crate::object::{PutMode, Version};
use crate::store::dir::bucket::{DirStore, version};

/// The file in the root that is locked. It stays, so that no two writers lock different files.
pub(super) const LOCK_FILE: &str = ".s3-build-cache.lock";
/// All users who may write to the root can lock it.
const LOCK_MODE: u32 = 0o666;

/// Which other changes to objects of the store may happen at the same time.
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
    /// Locks the store, whose root exists, until the file is dropped. Returns `None` if a shared lock cannot be taken.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if an exclusive lock cannot be taken.
    pub(super) fn lock(&self, share: Share) -> Result<Option<File>> {
        match (locked(&self.root.join(LOCK_FILE), share), share) {
            (Ok(file), _) => Ok(Some(file)),
            (Err(_), Share::Shared) => Ok(None),
            (Err(error), Share::Exclusive) => {
                let message = format!("{} cannot be locked, so conditions cannot be checked", self.root.display());
                Err(Error::unsupported(message).with_source(error))
            }
        }
    }
}

fn locked(path: &Path, share: Share) -> Result<File> {
    let file = match open_or_create(path, LOCK_MODE) {
        Ok((opened, _)) => opened.file,
        // Another user's file. Except on NFS, a file that is open for reading can be locked too.
        Err(error) => open_file(path)?.ok_or(error)?.file,
    };
    loop {
        let locked = match share {
            Share::Shared => file.lock_shared(),
            Share::Exclusive => file.lock(),
        };
        match locked {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("lock", path, error)),
            Ok(()) => return Ok(file),
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
    // NFS may look up a path in its cache, but asks the server when a file is opened.
    if let Ok(opened) = open_file(path) {
        return Ok(opened.map(|opened| version(&opened.meta)));
    }
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => Ok(Some(version(&meta))),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::io("read the metadata of", path, error)),
    }
}
