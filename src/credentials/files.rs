//! The shared AWS files: where they are, and reading them within bounds.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::base::{Env, Error, Problem, Result};
use crate::credentials::ini::{self, Ini};

/// Thousands of profiles fit; a device without an end does not.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// One of the two files, read. A file that is not there or cannot be opened is an empty one.
#[derive(Debug)]
pub(super) struct AwsFile {
    /// The path, and why it counts as empty if it does: for messages.
    pub(super) shown: String,
    pub(super) ini: Ini,
}

impl AwsFile {
    /// `$AWS_CONFIG_FILE`, else `~/.aws/config`.
    pub(super) fn config(env: &dyn Env) -> Result<Self> {
        Self::find(env, "AWS_CONFIG_FILE", "config")
    }

    /// `$AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    pub(super) fn credentials(env: &dyn Env) -> Result<Self> {
        Self::find(env, "AWS_SHARED_CREDENTIALS_FILE", "credentials")
    }

    fn find(env: &dyn Env, variable: &str, name: &str) -> Result<Self> {
        let path = match env.var(variable) {
            Some(path) => PathBuf::from(path),
            None => match env.home() {
                Some(home) => home.join(".aws").join(name),
                None => {
                    let shown = format!("~/.aws/{name} (there is no home directory)");
                    return Ok(Self { shown, ini: Ini::default() });
                }
            },
        };
        let shown = path.display().to_string();
        // Opening a pipe nobody writes to would wait for ever.
        let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Self { shown: format!("{shown} (not there)"), ini: Ini::default() });
            }
            Err(error) => {
                log::warn!("{shown} is left out: {error}");
                return Ok(Self { shown: format!("{shown} (left out: {error})"), ini: Ini::default() });
            }
        };
        let text = read(file, &path, "AWS file", MAX_FILE_BYTES).map_err(|problem| {
            Error::Setup(problem.hint(format!("{variable} says where that file is; /dev/null stands for none")))
        })?;
        Ok(Self { shown, ini: ini::parse(&text) })
    }
}

/// Reads a file that a setting names, a token or the like.
pub(super) fn read_text(path: &Path, what: &str, limit: u64) -> std::result::Result<String, Problem> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let wrong = |error| Problem::new(format!("the {what} {} cannot be read", path.display())).source(error);
    read(opened.map_err(wrong)?, path, what, limit)
}

fn read(file: File, path: &Path, what: &str, limit: u64) -> std::result::Result<String, Problem> {
    let wrong = |why: &str| Problem::new(format!("the {what} {} {why}", path.display()));
    let kind = file.metadata().map_err(|error| wrong("cannot be read").source(error))?.file_type();
    if kind.is_dir() {
        return Err(wrong("is a directory"));
    }
    if kind.is_fifo() || kind.is_block_device() {
        return Err(wrong("is a pipe or a disk: a regular file is needed"));
    }
    let mut bytes = Vec::new();
    let size = file.take(limit + 1).read_to_end(&mut bytes);
    let size = size.map_err(|error| wrong("cannot be read").source(error))?;
    if size as u64 > limit {
        return Err(wrong(&format!("is longer than {limit} bytes")));
    }
    // Stray bytes cost the value they are in, not the file.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
