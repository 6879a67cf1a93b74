//! Deletes an object.

use std::fs;
use std::io;

use crate::base::{Error, Result};
use crate::object::Version;
use crate::store::dir::bucket::DirStore;
use crate::store::dir::lock::{self, Share};

impl DirStore {
    /// Removes an object, and the directories that become empty. With a version, only if the object still has it.
    pub(super) fn remove(&self, key: &str, version: Option<&Version>) -> Result<()> {
        let Some(path) = self.find(key)? else { return Ok(()) };
        let guard = self.lock(if version.is_some() { Share::Exclusive } else { Share::Shared })?;
        if let Some(wanted) = version {
            match lock::current(&path)? {
                Some(found) => lock::check_version(&path, wanted, Some(&found))?,
                None => return Ok(()),
            }
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", path, error)),
            _ => {}
        }
        drop(guard);
        // Directories are not objects: remove empty ones. A concurrent write recreates what it needs.
        for parent in path.ancestors().skip(1).take_while(|parent| *parent != self.bucket) {
            if fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(())
    }
}
