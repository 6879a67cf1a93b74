//! Temporary files in a folder of their own. Each is locked while in use, so that a later run can distinguish the
//! leftovers of a killed process from files in use.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use crate::base::{Error, Result};
use crate::files::open::{create_dir, directory, is_same_file, open_file};
use crate::files::system::{FileSystem, Native, is_not_replaced, is_refused, sync_file, unless_refused};

/// The folder's name in the target directory.
const FOLDER: &str = ".s3-build-cache";
/// How many times to retry after another process's cleanup removes a new temporary file before it is locked.
const TRIES: u32 = 1000;
const OWNER_WRITES: u32 = 0o200;

/// The temporary folder of one directory. It is created with its first file. When the last user (this value, its clones
/// and its files) is dropped, an empty folder is removed.
#[derive(Clone, Debug)]
pub(crate) struct TempFolder(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    system: Arc<dyn FileSystem>,
    /// The folder existed as a real directory when last checked.
    made: AtomicBool,
}

/// A temporary file. Dropping it removes the file, unless [`name`](Self::name) has renamed it.
#[derive(Debug)]
pub(crate) struct TempFile {
    file: File,
    path: PathBuf,
    named: AtomicBool,
    folder: Arc<Folder>,
}

impl TempFolder {
    /// Returns the folder in `dir` without touching the file system.
    pub(crate) fn new(dir: &Path) -> Self {
        Self::on(Arc::new(Native), dir)
    }

    /// Returns the folder in `dir` on the given file system, without touching it.
    pub(crate) fn on(system: Arc<dyn FileSystem>, dir: &Path) -> Self {
        Self(Arc::new(Folder { path: dir.join(FOLDER), system, made: AtomicBool::new(false) }))
    }

    /// Returns the file system.
    pub(crate) fn system(&self) -> &dyn FileSystem {
        &*self.0.system
    }

    /// Returns the path of the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Removes files left by dead processes.
    ///
    /// # Errors
    /// If the folder is not a directory. Files that cannot be removed are left.
    pub(crate) fn sweep(&self) -> Result<()> {
        let folder = &self.0.path;
        if !directory(folder)? {
            return Ok(());
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("list", folder, error)),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            // A file in use is locked, so it is skipped.
            if let Ok(Some(left)) = open_file(&path)
                && self.system().try_lock(&left.file).is_ok()
                && is_same_file(&left.file, &path).unwrap_or(false)
                && remove(self.system(), &path, &left.file).is_ok()
            {
                log::debug!("removed {}, left by a killed process", path.display());
            }
        }
        self.remove_if_empty();
        Ok(())
    }

    /// Creates a new, empty, locked temporary file with `mode` (before the umask).
    ///
    /// # Errors
    /// If it cannot be created.
    pub(crate) fn create(&self, mode: u32) -> Result<TempFile> {
        self.create_ending("", mode)
    }

    /// Same as [`create`](Self::create), for a file whose name ends with `suffix`.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(crate) fn create_ending(&self, suffix: &str, mode: u32) -> Result<TempFile> {
        let mut tries = TRIES;
        loop {
            // Another process may remove the folder while it is empty, or the file before it is locked.
            match self.try_create(suffix, mode) {
                Ok(Some(temp)) => return Ok(temp),
                Ok(None) if tries > 0 => tries -= 1,
                Ok(None) => {
                    let error = io::Error::other("other processes keep removing it");
                    return Err(Error::io("create a file in", &self.0.path, error));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn try_create(&self, suffix: &str, mode: u32) -> Result<Option<TempFile>> {
        let folder = &*self.0;
        if !folder.made.load(Ordering::Relaxed) {
            create_dir(&folder.path, 0o700)?;
            folder.made.store(true, Ordering::Relaxed);
        }
        let path = folder.path.join(unique_name() + suffix);
        let mut options = OpenOptions::new();
        let file = match options.read(true).write(true).create_new(true).mode(mode).open(&path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => {
                folder.made.store(false, Ordering::Relaxed);
                return Ok(None);
            }
            Err(error) => return Err(Error::io("create", path, error)),
        };
        let temp = TempFile { file, path, named: AtomicBool::new(false), folder: self.0.clone() };
        match folder.system.try_lock(&temp.file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            // If the file system has no locks, no other process can mistake the file for a leftover either.
            Err(TryLockError::Error(error)) if is_refused(&error) => return Ok(Some(temp)),
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &temp.path, error)),
        }
        let kept = is_same_file(&temp.file, &temp.path).map_err(|error| Error::io("access", &temp.path, error))?;
        Ok(kept.then_some(temp))
    }

    /// Removes the folder if it is empty.
    pub(crate) fn remove_if_empty(&self) {
        if fs::remove_dir(&self.0.path).is_ok() {
            self.0.made.store(false, Ordering::Relaxed);
        }
    }
}

/// This fails while another process has a temporary file there. That process removes the folder when it ends.
impl Drop for Folder {
    fn drop(&mut self) {
        if self.made.load(Ordering::Relaxed) {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

impl TempFile {
    /// Returns the open file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Returns the path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Sets the file's size before it is written. If the file system refuses, the file grows as it is written.
    ///
    /// # Errors
    /// If the file cannot be that large.
    pub(crate) fn set_len(&self, size: u64) -> io::Result<()> {
        unless_refused(self.folder.system.set_len(&self.file, size))
    }

    /// Sets the modification time. If the file system refuses, the current time stays.
    ///
    /// # Errors
    /// If the file system tried and failed.
    pub(crate) fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        unless_refused(self.folder.system.set_modified(&self.file, time))
    }

    /// Sets the permission bits, if the file system supports them.
    pub(crate) fn set_mode(&self, mode: u32) {
        if let Err(error) = self.folder.system.set_mode(&self.file, mode) {
            log::debug!("cannot change the mode of {}: {error}", self.path.display());
        }
    }

    /// Waits until the bytes are on disk, if the file system supports that.
    ///
    /// # Errors
    /// If they could not be written.
    pub(crate) fn sync(&self) -> io::Result<()> {
        sync_file(&*self.folder.system, &self.file)
    }

    /// Syncs the file, then renames it to `target`, replacing any existing file. Without the sync, a power cut could
    /// leave a file with the right size but without its bytes.
    ///
    /// # Errors
    /// Same as [`name`](Self::name).
    pub(crate) fn persist(&self, target: &Path) -> io::Result<()> {
        self.sync()?;
        self.name(target)
    }

    /// Renames the file to `target`, replacing any existing file. The system decides when its bytes reach the disk.
    ///
    /// # Errors
    /// If the rename fails. The temporary file remains, so it can be retried.
    pub(crate) fn name(&self, target: &Path) -> io::Result<()> {
        replace(&*self.folder.system, &self.path, target)?;
        self.named.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.named.load(Ordering::Relaxed) {
            let _ = remove(&*self.folder.system, &self.path, &self.file);
        }
    }
}

/// Renames a file. Some file systems refuse to replace a read-only file, so the target is made writable first there.
fn replace(system: &dyn FileSystem, from: &Path, to: &Path) -> io::Result<()> {
    let refused = match system.rename(from, to) {
        Err(error) if is_not_replaced(&error) => error,
        other => return other,
    };
    let Ok(Some(old)) = open_file(to) else { return Err(refused) };
    let mode = old.meta.permissions().mode();
    if mode & OWNER_WRITES != 0 || system.set_mode(&old.file, mode | OWNER_WRITES).is_err() {
        return Err(refused);
    }
    let renamed = system.rename(from, to);
    if renamed.is_err() {
        let _ = system.set_mode(&old.file, mode);
    }
    renamed
}

/// Removes the file at `path`, also a read-only one where the file system refuses that.
///
/// # Errors
/// If it cannot be removed.
pub(crate) fn remove_file(system: &dyn FileSystem, path: &Path) -> io::Result<()> {
    match system.remove(path) {
        Err(refused) if is_refused(&refused) => match open_file(path) {
            Ok(Some(opened)) => remove(system, path, &opened.file),
            _ => Err(refused),
        },
        other => other,
    }
}

/// Removes the file behind `handle`. Some file systems refuse to remove a read-only file.
fn remove(system: &dyn FileSystem, path: &Path, handle: &File) -> io::Result<()> {
    match system.remove(path) {
        Err(error) if is_refused(&error) => {
            system.set_mode(handle, OWNER_WRITES)?;
            system.remove(path)
        }
        other => other,
    }
}

/// Returns a name that no other process or thread uses. It includes the time, because containers may reuse process ids.
pub(super) fn unique_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}-{count:x}", std::process::id(), time.as_nanos())
}
