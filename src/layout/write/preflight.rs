//! Checks before a transfer for problems that would make its commit fail.

use std::io;

use crate::base::{Digest, Error, Result};
use crate::files::{is_refused, open_file};
use crate::layout::lock::IndexLock;
use crate::layout::write::destination::Destination;

impl Destination {
    /// Tries the steps of a commit: creates a temporary file, renames it into the blob directory, and locks the index.
    ///
    /// # Errors
    /// If one of these steps fails, or BuildKit would not find the tag.
    pub(super) fn preflight(&self, tag: &str) -> Result<()> {
        self.try_rename()?;
        let lock = self.with_dirs(|| IndexLock::exclusive(self.system(), &self.path))?;
        if lock.is_none() {
            log::warn!(
                "{} is on a file system without locks: make sure that nothing else writes to it at the same time",
                self.path.dir().display()
            );
        }
        self.path.read_index()?.check_free(tag)
    }

    /// Uses the name of the empty blob, so that a run killed at this point leaves a valid blob behind.
    fn try_rename(&self) -> Result<()> {
        let path = self.path.blob(&Digest::of(b""));
        let temp = self.temporary()?;
        if open_file(&path)?.is_some() {
            return Ok(());
        }
        self.rename(&temp, &path)?;
        match self.system().remove(&path) {
            // Another writer may have removed it, and some file systems refuse to remove files.
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_refused(&error) => Ok(()),
            removed => removed.map_err(|error| Error::io("remove", path, error)),
        }
    }
}
