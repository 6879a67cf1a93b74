//! The directory that a writer fills: creates it, places finished files in it, and cleans up.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::base::{Digest, Error, Result, Unpoisoned as _};
use crate::files::{FileSystem, TempFile, TempFolder, create_dir, is_not_replaced, open_file, root_directory};
use crate::layout::path::LayoutPath;
use crate::layout::write::durable::Durable;

/// How many times to retry after another writer removes an empty directory.
const TRIES: u32 = 100;
/// BuildKit's modes, before the umask.
const DIR_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

/// The directory being written, shared by the writer and its blobs.
#[derive(Debug)]
pub(in crate::layout) struct Destination {
    pub(super) path: LayoutPath,
    pub(super) durable: Durable,
    temps: TempFolder,
    /// The directories created by this writer, outermost first.
    made: Mutex<Vec<PathBuf>>,
}

impl Destination {
    /// Creates the directory if needed, and removes leftovers of killed runs.
    pub(in crate::layout) fn open(path: LayoutPath, system: Arc<dyn FileSystem>) -> Result<Self> {
        let temps = TempFolder::on(system, path.dir());
        if root_directory(path.dir())? {
            temps.sweep()?;
        }
        let destination = Self { path, durable: Durable::default(), temps, made: Mutex::default() };
        destination.with_dirs(|| destination.make_dirs())?;
        Ok(destination)
    }

    /// Returns a temporary file that a running process uses, if there is one.
    pub(in crate::layout) fn in_use(&self) -> Option<PathBuf> {
        let first = fs::read_dir(self.temps.path()).ok()?.next()?;
        first.ok().map(|entry| entry.path())
    }

    pub(in crate::layout) fn system(&self) -> &dyn FileSystem {
        self.temps.system()
    }

    pub(super) fn temporary(&self) -> Result<TempFile> {
        self.with_dirs(|| self.temps.create(FILE_MODE))
    }

    /// Renames a complete blob to its final name and sets BuildKit's mode, which is read-only. An existing blob, valid
    /// or not, is replaced atomically. If the file system refuses that, a valid blob is kept and an invalid one removed
    /// first.
    ///
    /// Does not wait for the disk unless [requested](super::LayoutWriter::sync), because that takes most of the time of
    /// a large import. The blobs are copies of objects in the store. A power cut within seconds may lose some, which
    /// `verify_existing` detects.
    pub(super) fn rename_blob(&self, temp: &TempFile, digest: &Digest) -> Result<()> {
        let path = self.path.blob(digest);
        self.durable.sync_new(temp).map_err(|error| Error::io("write", temp.path(), error))?;
        match self.rename(temp, &path) {
            Err(Error::Io(error)) if is_not_replaced(&error.source) && self.path.verify_blob(digest, || Ok(()))? => {
                return Ok(());
            }
            Err(Error::Io(error)) if is_not_replaced(&error.source) && self.system().remove(&path).is_ok() => {
                self.rename(temp, &path)?;
            }
            other => other?,
        }
        self.durable.renamed(digest);
        if let Ok(meta) = temp.file().metadata() {
            temp.set_mode(meta.mode() & 0o444);
        }
        Ok(())
    }

    /// Renames a temporary file, which may then be renamed again.
    pub(super) fn rename(&self, temp: &TempFile, path: &Path) -> Result<()> {
        self.with_dirs(|| temp.name(path).map_err(|error| Error::io("rename a temporary file to", path, error)))
    }

    /// Replaces a file atomically and keeps its mode.
    pub(in crate::layout) fn replace(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let temp = self.temps.create(FILE_MODE)?;
        let write = || -> io::Result<()> {
            temp.file().write_all(bytes)?;
            if let Ok(Some(old)) = open_file(path) {
                temp.set_mode(old.meta.mode() & 0o777);
            }
            temp.persist(path)
        };
        write().map_err(|error| Error::io("write", path, error))
    }

    /// Runs `act`, which needs the directories. Recreates them if another writer, which had created them, removed them
    /// as empty.
    pub(super) fn with_dirs<T>(&self, act: impl Fn() -> Result<T>) -> Result<T> {
        let mut tries = TRIES;
        loop {
            match act() {
                Err(Error::Io(error)) if error.source.kind() == io::ErrorKind::NotFound && tries > 0 => tries -= 1,
                other => return other,
            }
            match self.make_dirs() {
                Err(Error::Io(error)) if error.source.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
    }

    /// Returns the directories created by this writer, outermost first.
    pub(super) fn made_dirs(&self) -> Vec<PathBuf> {
        self.made.lock().unpoisoned().clone()
    }

    fn make_dirs(&self) -> Result<()> {
        let dir = self.path.dir();
        if !root_directory(dir)? {
            let mut missing: Vec<&Path> = dir.ancestors().take_while(|path| !is_dir(path)).collect();
            missing.reverse();
            for path in missing {
                self.make_dir(path)?;
            }
        }
        self.make_dir(&self.path.algorithms_dir())?;
        self.make_dir(&self.path.blobs_dir())
    }

    fn make_dir(&self, path: &Path) -> Result<()> {
        if create_dir(path, DIR_MODE)? {
            self.made.lock().unpoisoned().push(path.to_owned());
        }
        Ok(())
    }
}

/// Removes the directories that this writer created and that are still empty.
impl Drop for Destination {
    fn drop(&mut self) {
        self.temps.remove_if_empty();
        let made = std::mem::take(self.made.get_mut().unpoisoned());
        for path in made.iter().rev() {
            let _ = fs::remove_dir(path);
        }
    }
}

/// The empty path means the current directory.
fn is_dir(path: &Path) -> bool {
    path.as_os_str().is_empty() || path.is_dir()
}
