//! Writes an object completely and verified, or not at all.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use crate::base::{Error, Hasher, Result};
use crate::files::{Place, TempFile, TempFolder, create_dir, directory_place, file_place, root_directory};
use crate::object::{Payload, PutMode, Version};
use crate::store::dir::bucket::{DirStore, version};
use crate::store::dir::key;
use crate::store::dir::lock::{self, Share};

/// How often to recreate a directory that a concurrent deletion has removed because it was empty.
const TRIES: u32 = 100;
const CHUNK_BYTES: usize = 128 * 1024;
const DIR_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

impl DirStore {
    pub(super) fn write(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Version> {
        let temp = self.begin(key)?;
        self.fill(key, payload, &temp, 0)?;
        self.name(key, &temp, mode)
    }

    /// Creates a temporary file for an object. Conflicts are found before any bytes are written.
    pub(super) fn begin(&self, key: &str) -> Result<TempFile> {
        self.make_place(key)?;
        // A store may live long, so the folder exists only while something is being written.
        let temps = TempFolder::new(&self.root);
        if !self.swept.swap(true, Ordering::Relaxed) {
            temps.sweep()?;
        }
        temps.create(FILE_MODE)
    }

    /// Moves a complete object to its final name if the condition holds.
    pub(super) fn name(&self, key: &str, temp: &TempFile, mode: &PutMode) -> Result<Version> {
        let path = self.make_place(key)?;
        temp.set_modified(self.clock.now()).map_err(|error| Error::io("set the time of", temp.path(), error))?;
        // Not under the lock, because it may take long.
        temp.sync().map_err(|error| Error::io("write", temp.path(), error))?;
        let mut tries = TRIES;
        loop {
            let guard = self.lock(Share::of(mode))?;
            lock::check(&path, mode)?;
            let named = temp.name(&path);
            drop(guard);
            match named {
                Ok(()) => break,
                Err(error) if tries == 0 => return Err(Error::io("write", path, error)),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {}
                Err(error) => return Err(Error::io("write", path, error)),
            }
            tries -= 1;
            self.make_place(key)?;
        }
        let meta = temp.file().metadata().map_err(|error| Error::io("read the metadata of", path, error))?;
        Ok(version(&meta))
    }

    /// Creates the directories above an object, again if a concurrent deletion has removed an empty one.
    ///
    /// # Errors
    /// [`Error::Conflict`] if an object exists where a directory is needed, or the other way round: S3 allows both, a
    /// file system does not.
    fn make_place(&self, key: &str) -> Result<PathBuf> {
        let mut tries = TRIES;
        loop {
            match self.try_make_place(key) {
                Err(Error::Io(error)) if error.source.kind() == io::ErrorKind::NotFound && tries > 0 => tries -= 1,
                other => return other,
            }
        }
    }

    fn try_make_place(&self, key: &str) -> Result<PathBuf> {
        if !root_directory(&self.root)? {
            let made = DirBuilder::new().recursive(true).mode(DIR_MODE).create(&self.root);
            made.map_err(|error| Error::io("create", &self.root, error))?;
        }
        let mut path = self.bucket.clone();
        create_dir(&path, DIR_MODE)?;
        let (parents, name) = key::split(key);
        for segment in parents {
            path.push(segment);
            if directory_place(&path)? == Place::File {
                return Err(self.conflict(key, path.strip_prefix(&self.bucket).unwrap_or(&path)));
            }
            create_dir(&path, DIR_MODE)?;
        }
        path.push(name);
        if file_place(&path)? == Place::Directory && !remove_empty(&path) {
            let below = self.page(&format!("{key}/"), None, 1)?.objects.pop();
            let below = below.map_or_else(|| format!("{key}/"), |below| below.key);
            return Err(self.conflict(key, Path::new(&below)));
        }
        Ok(path)
    }

    fn conflict(&self, key: &str, other: &Path) -> Error {
        let (bucket, other) = (self.bucket.display(), other.display());
        let message = format!("in the directory {bucket} the key {key} cannot coexist with the key {other}");
        Error::conflict(message).with_hint("use another name or prefix: one of the two would have to be a directory")
    }

    /// Writes the payload at an offset of the file, and verifies its size and digest.
    pub(super) fn fill(&self, key: &str, payload: &dyn Payload, temp: &TempFile, offset: u64) -> Result<()> {
        let wrong = |why: String| {
            let message = format!("{} was not written: {why}", self.bucket.join(key).display());
            Error::integrity(message)
        };
        let failed = |error: io::Error| match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => wrong(error.to_string()),
            Err(error) => Error::io("read the bytes of", self.bucket.join(key), error),
        };
        let mut body = payload.open().map_err(failed)?;
        let mut buffer = vec![0; CHUNK_BYTES];
        let (mut hasher, mut size) = (Hasher::new(), 0);
        loop {
            let chunk = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            let at = offset.saturating_add(size);
            size += chunk.len() as u64;
            if size > payload.size() {
                return Err(wrong(format!("it is longer than its {} bytes", payload.size())));
            }
            hasher.update(chunk);
            temp.file().write_all_at(chunk, at).map_err(|error| Error::io("write", temp.path(), error))?;
        }
        let digest = hasher.finish();
        if size != payload.size() {
            return Err(wrong(format!("it ends after {size} of its {} bytes", payload.size())));
        }
        let expected = payload.sha256().map_err(failed)?;
        if digest != expected {
            return Err(wrong(format!("its digest is {digest} instead of {expected}")));
        }
        Ok(())
    }
}

/// Removes a directory that contains only directories, as left by a killed write. Returns `false` if it contains
/// anything else.
fn remove_empty(dir: &Path) -> bool {
    let mut dirs = vec![dir.to_owned()];
    let mut at = 0;
    while let Some(next) = dirs.get(at) {
        at += 1;
        let Ok(entries) = fs::read_dir(next) else { return false };
        for entry in entries {
            match entry {
                Ok(entry) if entry.file_type().is_ok_and(|kind| kind.is_dir()) => dirs.push(entry.path()),
                _ => return false,
            }
        }
    }
    dirs.iter().rev().all(|dir| fs::remove_dir(dir).is_ok())
}
