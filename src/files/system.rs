//! The calls that some file systems refuse: NFS without a lock daemon, SMB, vfat, FUSE, Windows drives under WSL.

use std::fmt;
use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

/// The error codes for a call that the file system does not support or allow.
const REFUSALS: &[i32] = &[
    libc::EACCES,
    libc::EBADF,
    libc::EINVAL,
    libc::ENOLCK,
    libc::ENOSYS,
    libc::ENOTSUP,
    libc::ENOTTY,
    libc::EOPNOTSUPP,
    libc::EPERM,
    libc::EROFS,
];

/// The calls that some file systems refuse. The default methods call the system; tests override them to fail.
pub(crate) trait FileSystem: fmt::Debug + Send + Sync {
    /// Takes the exclusive lock of a file without blocking.
    fn try_lock(&self, file: &File) -> Result<(), TryLockError> {
        file.try_lock()
    }

    /// Takes a shared lock of a file without blocking.
    fn try_lock_shared(&self, file: &File) -> Result<(), TryLockError> {
        file.try_lock_shared()
    }

    /// Changes the permission bits of a file.
    fn set_mode(&self, file: &File, mode: u32) -> io::Result<()> {
        file.set_permissions(Permissions::from_mode(mode))
    }

    /// Changes the modification time of a file.
    fn set_modified(&self, file: &File, time: SystemTime) -> io::Result<()> {
        file.set_modified(time)
    }

    /// Changes the size of a file.
    fn set_len(&self, file: &File, size: u64) -> io::Result<()> {
        file.set_len(size)
    }

    /// Waits until the bytes of a file are on disk.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Waits until the names in a directory are on disk, which `fdatasync` may skip.
    fn sync_dir(&self, dir: &File) -> io::Result<()> {
        dir.sync_all()
    }

    /// Renames a file, replacing any existing file at the new path.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// The operating system's own calls.
#[derive(Debug)]
pub(crate) struct Native;

impl FileSystem for Native {}

/// Returns whether `error` means that the file system does not support or allow this call. A full disk or an I/O error
/// is a failure, not a refusal.
pub(crate) fn is_refused(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| REFUSALS.contains(&code))
}

/// Returns whether `error` means that the file system cannot replace the target of a rename.
pub(crate) fn is_not_replaced(error: &io::Error) -> bool {
    is_refused(error) || error.kind() == io::ErrorKind::AlreadyExists
}

/// Turns a refusal into success. Other errors stay errors.
pub(super) fn unless_refused(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_refused(&error) => {
            log::debug!("the file system refuses a call, continuing without it: {error}");
            Ok(())
        }
        other => other,
    }
}

/// Waits until the bytes of a file are on disk, if the file system supports that.
///
/// # Errors
/// If they could not be written.
pub(crate) fn sync_file(system: &dyn FileSystem, file: &File) -> io::Result<()> {
    unless_refused(system.sync(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsupported_is_ignored_and_a_failure_is_not() {
        use libc::*;
        for code in [EPERM, EACCES, EROFS, EINVAL, ENOSYS, ENOTSUP, EOPNOTSUPP, ENOLCK, ENOTTY, EBADF] {
            assert!(unless_refused(Err(io::Error::from_raw_os_error(code))).is_ok(), "{code}");
        }
        for code in [EIO, ENOSPC, EDQUOT, EFBIG, ENOENT, ESTALE, ENXIO, ENOMEM, EMFILE, EEXIST, EISDIR] {
            let kept = unless_refused(Err(io::Error::from_raw_os_error(code))).unwrap_err();
            assert_eq!(kept.raw_os_error(), Some(code));
        }
        // An error created by our own code has no error code.
        assert!(unless_refused(Err(io::ErrorKind::PermissionDenied.into())).is_err());
    }
}
