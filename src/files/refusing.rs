//! A file system for tests that fails selected calls with given error codes and records all calls.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use super::system::{FileSystem, Native};

/// A call that can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Lock,
    SetMode,
    SetModified,
    SetLen,
    Sync,
    SyncDir,
    Rename,
    /// A rename that would replace a read-only file.
    RenameOverReadOnly,
    Remove,
    /// The removal of a read-only file.
    RemoveReadOnly,
}

/// Fails each of these calls with its error code; all others work.
#[derive(Debug, Default)]
pub(crate) struct Refusing {
    calls: Vec<(Call, i32)>,
    /// The calls made, refused or not, in order.
    pub(crate) made: Mutex<Vec<Call>>,
}

impl Refusing {
    pub(crate) fn new(calls: &[(Call, i32)]) -> Self {
        Self { calls: calls.to_vec(), made: Mutex::default() }
    }

    fn call(&self, call: Call) -> io::Result<()> {
        self.made.lock().unwrap().push(call);
        match self.calls.iter().find(|(refused, _)| *refused == call) {
            Some((_, code)) => Err(io::Error::from_raw_os_error(*code)),
            None => Ok(()),
        }
    }
}

fn is_read_only(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o200 == 0)
}

impl FileSystem for Refusing {
    fn try_lock(&self, file: &File) -> Result<(), TryLockError> {
        self.call(Call::Lock).map_err(TryLockError::Error)?;
        Native.try_lock(file)
    }

    fn try_lock_shared(&self, file: &File) -> Result<(), TryLockError> {
        self.call(Call::Lock).map_err(TryLockError::Error)?;
        Native.try_lock_shared(file)
    }

    fn set_mode(&self, file: &File, mode: u32) -> io::Result<()> {
        self.call(Call::SetMode)?;
        Native.set_mode(file, mode)
    }

    fn set_modified(&self, file: &File, time: SystemTime) -> io::Result<()> {
        self.call(Call::SetModified)?;
        Native.set_modified(file, time)
    }

    fn set_len(&self, file: &File, size: u64) -> io::Result<()> {
        self.call(Call::SetLen)?;
        Native.set_len(file, size)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.call(Call::Sync)?;
        Native.sync(file)
    }

    fn sync_dir(&self, dir: &File) -> io::Result<()> {
        self.call(Call::SyncDir)?;
        Native.sync_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if is_read_only(to) {
            self.call(Call::RenameOverReadOnly)?;
        }
        self.call(Call::Rename)?;
        Native.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if is_read_only(path) {
            self.call(Call::RemoveReadOnly)?;
        }
        self.call(Call::Remove)?;
        Native.remove(path)
    }
}
