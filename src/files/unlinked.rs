//! Files without a name, which vanish with the process however it ends.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::base::{Error, Result};
use crate::files::temp::unique_name;

/// How many times to retry if a file of that name exists.
const TRIES: u32 = 100;

/// Creates an empty file in `dir` that only this process can reach.
///
/// # Errors
/// If it cannot be created, or its name cannot be removed.
pub(crate) fn unlinked_file(dir: &Path) -> Result<File> {
    let mut tries = TRIES;
    loop {
        let path = dir.join(format!(".s3-build-cache-{}", unique_name()));
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => {
                fs::remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries > 0 => tries -= 1,
            Err(error) => return Err(Error::io("create", path, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn the_file_has_no_name_and_keeps_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let file = unlinked_file(dir.path()).unwrap();
        file.write_all_at(b"bytes", 0).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let mut read = [0; 5];
        file.read_exact_at(&mut read, 0).unwrap();
        assert_eq!(&read, b"bytes");
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = unlinked_file(Path::new("/nonexistent/temp")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/temp"), "{error}");
    }
}
