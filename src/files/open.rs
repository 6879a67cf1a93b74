//! Opening what should be a real directory or a regular file, whatever it is.

use std::fs::{self, DirBuilder, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::base::{Error, IoError, Problem, Result};
use crate::files::system::{FileSystem, unless_refused};

/// A link is an error instead of being followed; a FIFO opens at once instead of waiting for its other end.
const NO_SURPRISE: i32 = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;

/// A regular file, opened for reading.
#[derive(Debug)]
pub(crate) struct Opened {
    /// At its first byte.
    pub(crate) file: File,
    /// What the handle says of it.
    pub(crate) meta: Metadata,
}

/// What stands where a directory or a regular file should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A directory, not a link to one.
    Directory,
    /// A regular file.
    File,
    /// Nothing.
    Free,
}

/// Opens the regular file at `path`; `None` when there is nothing.
///
/// # Errors
/// When it is a link, a directory, a FIFO or anything else, or cannot be opened.
pub(crate) fn open_file(path: &Path) -> Result<Option<Opened>> {
    match OpenOptions::new().read(true).custom_flags(NO_SURPRISE).open(path) {
        Ok(file) => checked(file, path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot_open(path, "a regular file", error)),
    }
}

/// Opens the regular file at `path` for reading and writing, and makes it with `mode` (less umask) when there is
/// nothing. The second value says whether it was made.
///
/// # Errors
/// As [`open_file`].
pub(crate) fn open_or_create(path: &Path, mode: u32) -> Result<(Opened, bool)> {
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
            // It was removed in between.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot_open(path, "a regular file", error)),
        }
    }
}

fn checked(file: File, path: &Path) -> Result<Opened> {
    let meta = file.metadata().map_err(|error| Error::io("look at", path, error))?;
    match meta.is_file() {
        true => Ok(Opened { file, meta }),
        false => Err(wrong_kind(path, kind_name(meta.file_type()), "a regular file")),
    }
}

/// Reads the regular file at `path` whole; `None` when there is nothing.
///
/// # Errors
/// As [`open_file`]; [`Error::Integrity`] when it has more than `limit` bytes.
pub(crate) fn read_file(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let Some(Opened { file, .. }) = open_file(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| Error::io("read", path, error))?;
    if bytes.len() as u64 > limit {
        let message = format!("{} has more than the {limit} bytes that are read", path.display());
        return Err(Error::Integrity(Problem::new(message)));
    }
    Ok(Some(bytes))
}

/// What is at `path`, where a directory should be.
///
/// # Errors
/// When it is neither a directory nor a regular file, a link included, or cannot be opened.
pub(crate) fn directory_place(path: &Path) -> Result<Place> {
    place(path, "a directory")
}

/// What is at `path`, where a regular file should be.
///
/// # Errors
/// As [`directory_place`].
pub(crate) fn file_place(path: &Path) -> Result<Place> {
    place(path, "a regular file")
}

fn place(path: &Path, expected: &str) -> Result<Place> {
    match OpenOptions::new().read(true).custom_flags(NO_SURPRISE | libc::O_DIRECTORY).open(path) {
        Ok(_) => Ok(Place::Directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Place::Free),
        Err(error) => match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_file() => Ok(Place::File),
            _ => Err(cannot_open(path, expected, error)),
        },
    }
}

/// Whether there is a directory at `path`; `false` when there is nothing.
///
/// # Errors
/// When it is anything else, a link to a directory included.
pub(crate) fn directory(path: &Path) -> Result<bool> {
    match directory_place(path)? {
        Place::Directory => Ok(true),
        Place::Free => Ok(false),
        Place::File => Err(wrong_kind(path, "a regular file", "a directory")),
    }
}

/// Whether the directory that the user named is there; unlike everything in it, it may be a link.
///
/// # Errors
/// When it is not a directory, or cannot be looked at.
pub(crate) fn root_directory(dir: &Path) -> Result<bool> {
    // The empty path is the directory we are in.
    match fs::metadata(if dir.as_os_str().is_empty() { Path::new(".") } else { dir }) {
        Ok(meta) if meta.is_dir() => Ok(true),
        Ok(meta) => Err(unusable(dir, kind_name(meta.file_type()), "a directory", "give a directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("open", dir, error)),
    }
}

/// Makes the directory `path` with `mode` (less umask); `false` when it is there already.
///
/// # Errors
/// When something else is there, or it cannot be made.
pub(crate) fn create_dir(path: &Path, mode: u32) -> Result<bool> {
    loop {
        match DirBuilder::new().mode(mode).create(path) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(Error::io("create", path, error)),
            Err(_) if directory(path)? => return Ok(false),
            // It was removed in between.
            Err(_) => {}
        }
    }
}

/// Makes the names in a directory survive a power cut, as `fsync` of a file does its bytes. The empty path is the
/// directory we are in.
///
/// # Errors
/// When the system reports a failed write. A file system that cannot do it is no error.
pub(crate) fn sync_dir(system: &dyn FileSystem, path: &Path) -> Result<()> {
    let dir = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(dir);
    unless_refused(opened.and_then(|dir| system.sync_dir(&dir))).map_err(|error| Error::io("sync", path, error))
}

/// Whether `path` still names the file behind `handle`.
pub(crate) fn is_same_file(handle: &File, path: &Path) -> io::Result<bool> {
    let open = handle.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The error for a path where something stands that has no business there.
fn wrong_kind(path: &Path, is: &str, expected: &str) -> Error {
    unusable(path, is, expected, "remove it, or use another directory")
}

fn unusable(path: &Path, is: &str, expected: &str, hint: &str) -> Error {
    Error::Io(Box::new(IoError {
        action: "use",
        path: path.to_owned(),
        hint: Some(hint.to_owned()),
        source: io::Error::new(io::ErrorKind::InvalidInput, format!("it is {is}, not {expected}")),
    }))
}

/// Says what is there instead when that is why it could not be opened.
fn cannot_open(path: &Path, expected: &str, error: io::Error) -> Error {
    match fs::symlink_metadata(path).map(|meta| kind_name(meta.file_type())) {
        Ok(is) if is != expected => wrong_kind(path, is, expected),
        _ => Error::io("open", path, error),
    }
}

/// What stands at a path, for messages.
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
