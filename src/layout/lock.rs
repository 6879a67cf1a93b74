//! The lock of `index.json`: BuildKit's `flock` on `index.json.lock`.
//!
//! BuildKit tries the lock once and fails its build if it is taken. We therefore hold it only for the milliseconds it
//! takes to read the index, or to read, change and rename it, and never during a transfer.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::{Error, IoError, Result};
use crate::files::{FileSystem, is_refused, is_same_file, open_file, open_or_create};
use crate::layout::path::LayoutPath;

/// Far longer than BuildKit or another process of ours holds the lock.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);
/// The same mode as BuildKit's.
const MODE: u32 = 0o600;

/// The held lock. Dropping it removes the lock file.
#[derive(Debug)]
pub(super) struct IndexLock<'a> {
    system: &'a dyn FileSystem,
    file: File,
    path: PathBuf,
    shared: bool,
}

impl<'a> IndexLock<'a> {
    /// Locks the index for writing. Returns `None` if the file system does not support locks.
    ///
    /// # Errors
    /// [`Error::Locked`] if other processes hold the lock for ten seconds; [`Error::Io`] if the lock file cannot be
    /// opened or created.
    pub(super) fn exclusive(system: &'a dyn FileSystem, path: &LayoutPath) -> Result<Option<Self>> {
        Self::acquire(system, path.index_lock(), false, PATIENCE)
    }

    /// Locks the index for reading. Returns `None` if locking fails or the lock file cannot be created.
    ///
    /// # Errors
    /// Same as [`exclusive`](Self::exclusive), except for failures of the lock call itself.
    pub(super) fn shared(system: &'a dyn FileSystem, path: &LayoutPath) -> Result<Option<Self>> {
        match Self::acquire(system, path.index_lock(), true, PATIENCE) {
            Err(Error::Io(error)) if cannot_write(&error) => Ok(None),
            other => other,
        }
    }

    fn acquire(system: &'a dyn FileSystem, path: PathBuf, shared: bool, patience: Duration) -> Result<Option<Self>> {
        let start = Instant::now();
        loop {
            let (file, created) = open(&path, shared)?;
            match if shared { system.try_lock_shared(&file) } else { system.try_lock(&file) } {
                // The previous holder may have removed the file in the meantime. A lock on a removed file excludes
                // nobody.
                Ok(()) if same(&file, &path)? => return Ok(Some(Self { system, file, path, shared })),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => {
                    if created && same(&file, &path).unwrap_or(false) {
                        let _ = fs::remove_file(&path);
                    }
                    // A reader does not need the lock, because a rename replaces the index atomically.
                    let usable = shared || is_refused(&error);
                    return if usable { Ok(None) } else { Err(Error::io("lock", path, error)) };
                }
            }
            if start.elapsed() >= patience {
                return Err(Error::Locked(Box::new(path)));
            }
        }
    }
}

impl Drop for IndexLock<'_> {
    fn drop(&mut self) {
        // Several readers may share the lock, and only the last one removes the file. If the file were removed while
        // another process holds the lock, a third one could create and lock a new file.
        let alone = !self.shared || (self.file.unlock().is_ok() && self.system.try_lock(&self.file).is_ok());
        if alone && is_same_file(&self.file, &self.path).unwrap_or(false) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens the lock file, and returns whether it was created. A reader opens an existing file without write access.
fn open(path: &Path, shared: bool) -> Result<(File, bool)> {
    if shared && let Some(opened) = open_file(path)? {
        return Ok((opened.file, false));
    }
    open_or_create(path, MODE).map(|(opened, created)| (opened.file, created))
}

fn same(file: &File, path: &Path) -> Result<bool> {
    is_same_file(file, path).map_err(|error| Error::io("read the metadata of", path, error))
}

/// Returns whether creating files in the directory is impossible: EPERM, EACCES, EROFS, ENOSPC, EDQUOT.
fn cannot_write(error: &IoError) -> bool {
    matches!(
        error.source.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Call, Native, Refusing};

    const SHORT: Duration = Duration::from_millis(50);

    fn lock_path(dir: &tempfile::TempDir) -> PathBuf {
        LayoutPath::new(dir.path()).index_lock()
    }

    fn acquire(dir: &Path, shared: bool) -> Result<IndexLock<'static>> {
        IndexLock::acquire(&Native, LayoutPath::new(dir).index_lock(), shared, SHORT).map(Option::unwrap)
    }

    #[test]
    fn the_lock_excludes_writers_and_its_last_holder_removes_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let first = acquire(dir.path(), true).unwrap();
        let second = acquire(dir.path(), true).unwrap();
        assert!(matches!(acquire(dir.path(), false), Err(Error::Locked(path)) if path.ends_with("index.json.lock")));
        drop(first);
        assert!(lock_path(&dir).exists());
        drop(second);
        assert!(!lock_path(&dir).exists());
        let writer = acquire(dir.path(), false).unwrap();
        assert!(matches!(acquire(dir.path(), true), Err(Error::Locked(_))));
        drop(writer);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn removing_the_lock_file_lets_no_two_writers_in() {
        let dir = tempfile::tempdir().unwrap();
        let count = std::sync::atomic::AtomicU32::new(0);
        let value = dir.path().join("value");
        fs::write(&value, "0").unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _lock = IndexLock::exclusive(&Native, &LayoutPath::new(dir.path())).unwrap().unwrap();
                        let old: u32 = fs::read_to_string(&value).unwrap().parse().unwrap();
                        fs::write(&value, (old + 1).to_string()).unwrap();
                        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(fs::read_to_string(&value).unwrap(), "200");
    }

    #[test]
    fn a_lock_file_that_is_a_link_or_a_fifo_is_an_error() {
        for shared in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink("elsewhere", lock_path(&dir)).unwrap();
            assert!(acquire(dir.path(), shared).unwrap_err().chain().contains("a symbolic link"));
            assert!(!dir.path().join("elsewhere").exists());
            fs::remove_file(lock_path(&dir)).unwrap();
            crate::files::make_fifo(&lock_path(&dir));
            assert!(acquire(dir.path(), shared).unwrap_err().chain().contains("a FIFO"));
        }
    }

    #[test]
    fn a_file_system_without_locks_is_used_without_one() {
        for code in [libc::ENOLCK, libc::ENOTSUP, libc::ENOSYS, libc::EINVAL, libc::EPERM, libc::EACCES, libc::EROFS] {
            let dir = tempfile::tempdir().unwrap();
            let system = Refusing::new(&[(Call::Lock, code)]);
            assert!(IndexLock::shared(&system, &LayoutPath::new(dir.path())).unwrap().is_none(), "{code}");
            assert!(IndexLock::exclusive(&system, &LayoutPath::new(dir.path())).unwrap().is_none(), "{code}");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
            // Another process may be using the lock file if locks work.
            fs::write(lock_path(&dir), "").unwrap();
            assert!(IndexLock::exclusive(&system, &LayoutPath::new(dir.path())).unwrap().is_none());
            assert!(lock_path(&dir).exists());
        }
    }

    #[test]
    fn a_failing_lock_stops_writers_but_not_readers() {
        for code in [libc::EIO, libc::ENODEV, libc::ESTALE] {
            let dir = tempfile::tempdir().unwrap();
            let system = Refusing::new(&[(Call::Lock, code)]);
            assert!(matches!(IndexLock::exclusive(&system, &LayoutPath::new(dir.path())), Err(Error::Io(_))), "{code}");
            assert!(IndexLock::shared(&system, &LayoutPath::new(dir.path())).unwrap().is_none(), "{code}");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn readers_need_no_lock_file_if_none_can_be_created() {
        for (code, reads) in [(libc::ENOSPC, true), (libc::EDQUOT, true), (libc::EACCES, true), (libc::EIO, false)] {
            let Error::Io(error) = Error::io("open", "index.json.lock", io::Error::from_raw_os_error(code)) else {
                panic!()
            };
            assert_eq!(cannot_write(&error), reads, "{code}");
        }
    }
}
