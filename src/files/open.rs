//! Opens paths that should be real directories or regular files, but may be anything.

use std::fs::{self, DirBuilder, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::base::{Error, Result};
use crate::files::system::{FileSystem, unless_refused};

/// Makes opening a link an error, and opens a FIFO immediately instead of blocking until its other end opens.
const NO_SURPRISE: i32 = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;

/// A regular file, opened for reading.
#[derive(Debug)]
pub(crate) struct OpenedFile {
    /// The file, positioned at its start.
    pub(crate) file: File,
    /// The metadata of the open file.
    pub(crate) meta: Metadata,
}

/// What exists at a path that should be a directory or a regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A directory, not a link to one.
    Directory,
    /// A regular file.
    File,
    /// Nothing.
    Free,
}

/// Opens the regular file at `path`. Returns `None` if it does not exist.
///
/// # Errors
/// If it is a link, a directory, a FIFO or anything else, or cannot be opened.
pub(crate) fn open_file(path: &Path) -> Result<Option<OpenedFile>> {
    match OpenOptions::new().read(true).custom_flags(NO_SURPRISE).open(path) {
        Ok(file) => checked(file, path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot_open(path, "a regular file", error)),
    }
}

/// Opens the regular file at `path` for reading and writing. Creates it with `mode` (before the umask) if it does not
/// exist. The second value is whether it was created.
///
/// # Errors
/// Same as [`open_file`].
pub(crate) fn open_or_create(path: &Path, mode: u32) -> Result<(OpenedFile, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(mode).custom_flags(NO_SURPRISE);
    loop {
        match options.clone().create_new(true).open(path) {
            Ok(file) => return Ok((checked(file, path)?, true)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot_open(path, "a regular file", error)),
        }
        match options.open(path) {
            Ok(file) => return Ok((checked(file, path)?, false)),
            // It was removed in the meantime.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot_open(path, "a regular file", error)),
        }
    }
}

fn checked(file: File, path: &Path) -> Result<OpenedFile> {
    let meta = file.metadata().map_err(|error| Error::io("access", path, error))?;
    match meta.is_file() {
        true => Ok(OpenedFile { file, meta }),
        false => Err(wrong_kind(path, kind_name(meta.file_type()), "a regular file")),
    }
}

/// Reads the whole regular file at `path`. Returns `None` if it does not exist.
///
/// # Errors
/// Same as [`open_file`]; [`Error::Integrity`] if it has more than `limit` bytes.
pub(crate) fn read_file(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let Some(OpenedFile { file, .. }) = open_file(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| Error::io("read", path, error))?;
    if bytes.len() as u64 > limit {
        return Err(Error::integrity(format!("{} has more than the {limit} bytes allowed", path.display())));
    }
    Ok(Some(bytes))
}

/// Returns what exists at `path`, where a directory is expected.
///
/// # Errors
/// If it is neither a directory nor a regular file (links included), or cannot be opened.
pub(crate) fn directory_place(path: &Path) -> Result<Place> {
    place(path, "a directory")
}

/// Returns what exists at `path`, where a regular file is expected.
///
/// # Errors
/// Same as [`directory_place`].
pub(crate) fn file_place(path: &Path) -> Result<Place> {
    place(path, "a regular file")
}

fn place(path: &Path, expected: &str) -> Result<Place> {
    match OpenOptions::new().read(true).custom_flags(NO_SURPRISE | libc::O_DIRECTORY).open(path) {
        Ok(_) => Ok(Place::Directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Place::Free),
        Err(error) => match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_file() => Ok(Place::File),
            // It was removed in the meantime.
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(Place::Free),
            _ => Err(cannot_open(path, expected, error)),
        },
    }
}

/// Returns whether a directory exists at `path`, or `false` if nothing does.
///
/// # Errors
/// If it is anything else, including a link to a directory.
pub(crate) fn directory(path: &Path) -> Result<bool> {
    match directory_place(path)? {
        Place::Directory => Ok(true),
        Place::Free => Ok(false),
        Place::File => Err(wrong_kind(path, "a regular file", "a directory")),
    }
}

/// Returns whether the directory named by the user exists. Unlike its contents, it may be a link.
///
/// # Errors
/// If it is not a directory or cannot be accessed.
pub(crate) fn root_directory(dir: &Path) -> Result<bool> {
    // The empty path means the current directory.
    match fs::metadata(if dir.as_os_str().is_empty() { Path::new(".") } else { dir }) {
        Ok(meta) if meta.is_dir() => Ok(true),
        Ok(meta) => Err(unusable(dir, kind_name(meta.file_type()), "a directory", "name a directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("open", dir, error)),
    }
}

/// Creates the directory `path` with `mode` (before the umask). Returns `false` if it already exists.
///
/// # Errors
/// If the path is something else, or the directory cannot be created.
pub(crate) fn create_dir(path: &Path, mode: u32) -> Result<bool> {
    loop {
        match DirBuilder::new().mode(mode).create(path) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(Error::io("create", path, error)),
            Err(_) if directory(path)? => return Ok(false),
            // It was removed in the meantime.
            Err(_) => {}
        }
    }
}

/// Makes the names in a directory survive a power cut, like `fsync` does for a file's bytes. The empty path means the
/// current directory.
///
/// # Errors
/// If the system reports a failed write. A file system that does not support the call is not an error.
pub(crate) fn sync_dir(system: &dyn FileSystem, path: &Path) -> Result<()> {
    let dir = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(dir);
    unless_refused(opened.and_then(|dir| system.sync_dir(&dir))).map_err(|error| Error::io("sync", path, error))
}

/// Returns whether `path` still refers to the file behind `handle`.
pub(crate) fn is_same_file(handle: &File, path: &Path) -> io::Result<bool> {
    let open = handle.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the error for a path that is the wrong kind of file.
fn wrong_kind(path: &Path, is: &str, expected: &str) -> Error {
    unusable(path, is, expected, "remove it, or use another directory")
}

fn unusable(path: &Path, is: &str, expected: &str, hint: &str) -> Error {
    let source = io::Error::new(io::ErrorKind::InvalidInput, format!("it is {is}, not {expected}"));
    Error::io("use", path, source).with_hint(hint)
}

/// Reports the actual kind of file if that is why it could not be opened.
fn cannot_open(path: &Path, expected: &str, error: io::Error) -> Error {
    match fs::symlink_metadata(path).map(|meta| kind_name(meta.file_type())) {
        Ok(is) if is != expected => wrong_kind(path, is, expected),
        _ => Error::io("open", path, error),
    }
}

/// Names a kind of file for messages.
pub(super) fn kind_name(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_dir() => "a directory",
        kind if kind.is_file() => "a regular file",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    }
}
