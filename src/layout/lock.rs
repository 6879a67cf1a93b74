//! The lock of `index.json`: BuildKit's `flock` on `index.json.lock`.
//!
//! BuildKit takes it once and fails its build when it cannot. So it is held only while the index is read, or read,
//! changed and renamed: for milliseconds, never during a transfer.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::{Error, IoError, Result};
use crate::files::{is_same_file, open_file, open_or_create};

/// Far longer than BuildKit or another of us holds it.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);
/// BuildKit's.
const MODE: u32 = 0o600;
const NAME: &str = "index.json.lock";

/// The lock, held. Its file goes when it is dropped.
#[derive(Debug)]
pub(super) struct IndexLock {
    file: File,
    path: PathBuf,
    shared: bool,
}

impl IndexLock {
    /// Locks the index of `dir` for changing it.
    ///
    /// # Errors
    /// [`Error::Locked`] when others hold it for ten seconds; [`Error::Io`] when it cannot be locked at all.
    pub(super) fn exclusive(dir: &Path) -> Result<Self> {
        Self::acquire(dir.join(NAME), false, PATIENCE)
    }

    /// Locks the index of `dir` for reading it; `None` where nobody may write: then there is no writer to wait for.
    ///
    /// # Errors
    /// As [`exclusive`](Self::exclusive).
    pub(super) fn shared(dir: &Path) -> Result<Option<Self>> {
        match Self::acquire(dir.join(NAME), true, PATIENCE) {
            Ok(lock) => Ok(Some(lock)),
            Err(Error::Io(error)) if may_not(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn acquire(path: PathBuf, shared: bool, patience: Duration) -> Result<Self> {
        let start = Instant::now();
        loop {
            let file = open(&path, shared)?;
            match if shared { file.try_lock_shared() } else { file.try_lock() } {
                // Whoever had it before may have removed the file in between: that lock keeps nobody out.
                Ok(()) if same(&file, &path)? => return Ok(Self { file, path, shared }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", path, error)),
            }
            if start.elapsed() >= patience {
                return Err(Error::Locked(path));
            }
        }
    }
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        // Several may hold it shared, and only the last of them removes the file: a file that is removed under a
        // holder's feet lets a second one make and lock another.
        let alone = !self.shared || (self.file.unlock().is_ok() && self.file.try_lock().is_ok());
        if alone && is_same_file(&self.file, &self.path).unwrap_or(false) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A reader opens a lock file that is there without asking to write it.
fn open(path: &Path, shared: bool) -> Result<File> {
    if shared && let Some(there) = open_file(path)? {
        return Ok(there.file);
    }
    Ok(open_or_create(path, MODE)?.file)
}

fn same(file: &File, path: &Path) -> Result<bool> {
    is_same_file(file, path).map_err(|error| Error::io("look at", path, error))
}

/// EPERM, EACCES, EROFS.
fn may_not(error: &IoError) -> bool {
    matches!(error.source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    fn acquire(dir: &Path, shared: bool) -> Result<IndexLock> {
        IndexLock::acquire(dir.join(NAME), shared, SHORT)
    }

    #[test]
    fn one_writer_or_many_readers_and_the_last_removes_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let first = acquire(dir.path(), true).unwrap();
        let second = acquire(dir.path(), true).unwrap();
        assert!(matches!(acquire(dir.path(), false), Err(Error::Locked(path)) if path.ends_with(NAME)));
        drop(first);
        assert!(dir.path().join(NAME).exists());
        drop(second);
        assert!(!dir.path().join(NAME).exists());
        let writer = acquire(dir.path(), false).unwrap();
        assert!(matches!(acquire(dir.path(), true), Err(Error::Locked(_))));
        drop(writer);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_lock_file_removed_by_its_holder_keeps_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        let count = std::sync::atomic::AtomicU32::new(0);
        let value = dir.path().join("value");
        fs::write(&value, "0").unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _lock = IndexLock::exclusive(dir.path()).unwrap();
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
            std::os::unix::fs::symlink("elsewhere", dir.path().join(NAME)).unwrap();
            assert!(acquire(dir.path(), shared).unwrap_err().chain().contains("a symbolic link"));
            assert!(!dir.path().join("elsewhere").exists());
            fs::remove_file(dir.path().join(NAME)).unwrap();
            crate::files::make_fifo(&dir.path().join(NAME));
            assert!(acquire(dir.path(), shared).unwrap_err().chain().contains("a FIFO"));
        }
    }
}
