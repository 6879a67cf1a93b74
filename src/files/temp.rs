//! Temporaries: files in a folder of their own, locked while somebody writes them, so that a later start can tell what
//! a killed process left behind from what is in use.

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

/// The folder's name in the directory that is written.
const FOLDER: &str = ".s3-build-cache";
/// How often a new temporary may be taken away by another process's clean-up before it is locked.
const TRIES: u32 = 1000;
const OWNER_WRITES: u32 = 0o200;

/// The folder of temporaries of one directory. It is made with its first file, and goes with the last of those who use
/// it when it is empty: this, its clones, and its files.
#[derive(Clone, Debug)]
pub(crate) struct TempFolder(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    system: Arc<dyn FileSystem>,
    /// It was there, a real directory, when it was last looked at.
    made: AtomicBool,
}

/// A temporary. It is removed when it is dropped, unless [`name`](Self::name) gave it one.
#[derive(Debug)]
pub(crate) struct TempFile {
    file: File,
    path: PathBuf,
    named: AtomicBool,
    folder: Arc<Folder>,
}

impl TempFolder {
    /// The folder in `dir`; nothing is touched yet.
    pub(crate) fn new(dir: &Path) -> Self {
        Self::on(Arc::new(Native), dir)
    }

    /// The folder in `dir` on that file system; nothing is touched yet.
    pub(crate) fn on(system: Arc<dyn FileSystem>, dir: &Path) -> Self {
        Self(Arc::new(Folder { path: dir.join(FOLDER), system, made: AtomicBool::new(false) }))
    }

    /// The file system.
    pub(crate) fn system(&self) -> &dyn FileSystem {
        &*self.0.system
    }

    /// Removes what processes that are gone have left.
    ///
    /// # Errors
    /// When the folder is not a directory. What cannot be removed is left.
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
            // Whoever gets the lock of a file in use would have to wait: it is not got.
            if let Ok(Some(left)) = open_file(&path)
                && self.system().try_lock(&left.file).is_ok()
                && is_same_file(&left.file, &path).unwrap_or(false)
                && remove(self.system(), &path, &left.file).is_ok()
            {
                log::debug!("removed {}, which a run that was ended had left", path.display());
            }
        }
        self.remove_if_empty();
        Ok(())
    }

    /// A new, empty temporary with `mode` (less umask), locked.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn create(&self, mode: u32) -> Result<TempFile> {
        let mut tries = TRIES;
        loop {
            // Another process may remove the folder while it is empty, and the file until it is locked.
            match self.try_create(mode) {
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

    fn try_create(&self, mode: u32) -> Result<Option<TempFile>> {
        let folder = &*self.0;
        if !folder.made.load(Ordering::Relaxed) {
            create_dir(&folder.path, 0o700)?;
            folder.made.store(true, Ordering::Relaxed);
        }
        let path = folder.path.join(unique_name());
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
            // Where nobody can lock, nobody can take it for a left-over either.
            Err(TryLockError::Error(error)) if is_refused(&error) => return Ok(Some(temp)),
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &temp.path, error)),
        }
        let kept = is_same_file(&temp.file, &temp.path).map_err(|error| Error::io("look at", &temp.path, error))?;
        Ok(kept.then_some(temp))
    }

    /// Removes the folder unless something is in it.
    pub(crate) fn remove_if_empty(&self) {
        if fs::remove_dir(&self.0.path).is_ok() {
            self.0.made.store(false, Ordering::Relaxed);
        }
    }
}

/// Fails while another process has a temporary there, and then that one's end removes it.
impl Drop for Folder {
    fn drop(&mut self) {
        if self.made.load(Ordering::Relaxed) {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

impl TempFile {
    /// The open file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its size before it is written. A file system that cannot do that gets the size with the bytes.
    ///
    /// # Errors
    /// When there cannot be so large a file.
    pub(crate) fn set_len(&self, size: u64) -> io::Result<()> {
        unless_refused(self.folder.system.set_len(&self.file, size))
    }

    /// Changes the time of the last change. A file system that refuses that keeps its own, which is now.
    ///
    /// # Errors
    /// When the file system tried and failed.
    pub(crate) fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        unless_refused(self.folder.system.set_modified(&self.file, time))
    }

    /// Changes the permission bits, where the file system has any.
    pub(crate) fn set_mode(&self, mode: u32) {
        if let Err(error) = self.folder.system.set_mode(&self.file, mode) {
            log::debug!("cannot change the mode of {}: {error}", self.path.display());
        }
    }

    /// Waits until the bytes are on the disk, where the file system can tell.
    ///
    /// # Errors
    /// When they could not be written.
    pub(crate) fn sync(&self) -> io::Result<()> {
        sync_file(&*self.folder.system, &self.file)
    }

    /// Gives the file its name, in place of what had it, when its bytes have reached the disk: after a power cut a name
    /// without them would pass for a whole file of the right size.
    ///
    /// # Errors
    /// As [`name`](Self::name).
    pub(crate) fn persist(&self, target: &Path) -> io::Result<()> {
        self.sync()?;
        self.name(target)
    }

    /// Gives the file its name, in place of what had it. Its bytes reach the disk when the system sees fit.
    ///
    /// # Errors
    /// When the name cannot be given; the temporary is still there, for another try.
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

/// Renames a file. Some file systems refuse to replace one that is read-only: that one is made writable first.
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

/// Removes the file behind `handle`. Some file systems refuse to remove one that is read-only.
fn remove(system: &dyn FileSystem, path: &Path, handle: &File) -> io::Result<()> {
    match system.remove(path) {
        Err(error) if is_refused(&error) => {
            system.set_mode(handle, OWNER_WRITES)?;
            system.remove(path)
        }
        other => other,
    }
}

/// A name no other process and no other thread uses: process ids repeat among containers, so the time is in it too.
fn unique_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}-{count:x}", std::process::id(), time.as_nanos())
}
