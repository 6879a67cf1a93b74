//! Copies an object, and refreshes its time.

use std::io;

use crate::base::{Error, Result};
use crate::files::OpenedFile;
use crate::object::{PutMode, Version};
use crate::store::dir::bucket::{DirStore, version};
use crate::store::dir::key;
use crate::store::dir::lock::Share;

impl DirStore {
    /// Sets the object's last-modified time to now.
    pub(super) fn refresh(&self, key: &str) -> Result<Version> {
        if self.find(key)?.is_none() {
            return Err(self.absent(key));
        }
        // Opened under the lock: a conditional deletion that held it before has removed the object.
        let _guard = self.lock(Share::Shared)?;
        let Some((OpenedFile { file, .. }, path)) = self.open(key)? else { return Err(self.absent(key)) };
        file.set_modified(self.clock.now()).map_err(|error| Error::io("touch", &path, error))?;
        let meta = file.metadata().map_err(|error| Error::io("read the metadata of", &path, error))?;
        Ok(version(&meta))
    }

    /// Copies an object to another key. The file system may share the blocks.
    pub(super) fn copy_file(&self, from: &str, to: &str) -> Result<Version> {
        key::check(to)?;
        let Some((OpenedFile { file, .. }, path)) = self.open(from)? else { return Err(self.absent(from)) };
        let temp = self.begin(to)?;
        io::copy(&mut &file, &mut temp.file()).map_err(|error| Error::io("copy", path, error))?;
        self.name(to, &temp, &PutMode::Overwrite)
    }

    fn absent(&self, key: &str) -> Error {
        Error::not_found(format!("{} does not exist", self.bucket.join(key).display()))
    }
}
