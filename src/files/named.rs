//! Reads a file named by a setting. The read never blocks and is bounded, whatever the path refers to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use crate::files::open::kind_name;

/// Without this, opening a FIFO that has no writer would block forever.
const NEVER_WAIT: i32 = libc::O_NONBLOCK | libc::O_NOCTTY;

/// Opens the file at `path`. Follows links, because the user chose the path.
///
/// # Errors
/// If the system call fails. A FIFO opens immediately, and [`read_opened`] rejects it.
pub(crate) fn open_named_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(NEVER_WAIT).open(path)
}

/// Reads a file opened by [`open_named_file`] to its end.
///
/// # Errors
/// If the system call fails, the file is a directory, disk or pipe, or it has more than `limit` bytes. A pipe,
/// including the shell's `<(…)`, can be read only once, but these files are read again when credentials are refreshed.
pub(crate) fn read_opened(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let kind = file.metadata()?.file_type();
    // Character devices such as /dev/null are accepted. The limit bounds endless ones.
    if !kind.is_file() && !kind.is_char_device() {
        let message = format!("it is {}, not a regular file", kind_name(kind));
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    // Files under /proc report a size of zero, and other files may grow.
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let message = format!("it is larger than the limit of {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Opens and reads the file at `path`.
///
/// # Errors
/// Same as [`open_named_file`] and [`read_opened`].
pub(crate) fn read_named_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_opened(open_named_file(path)?, limit)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::files::make_fifo;

    #[test]
    fn only_regular_files_within_the_limit_are_read_and_nothing_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "bytes").unwrap();
        symlink("file", at("link")).unwrap();
        symlink("/dev/zero", at("endless")).unwrap();
        symlink("loop", at("loop")).unwrap();
        make_fifo(&at("fifo"));
        let _socket = UnixListener::bind(at("socket")).unwrap();
        File::create(at("sparse")).unwrap().set_len(1 << 40).unwrap();
        for name in ["file", "link"] {
            assert_eq!(read_named_file(&at(name), 5).unwrap(), b"bytes", "{name}");
        }
        assert_eq!(read_named_file(Path::new("/dev/null"), 5).unwrap(), b"");
        for (path, problem) in [
            (at("file"), "larger than the limit of 4 bytes"),
            (at("sparse"), "larger than the limit of 4 bytes"),
            (at("fifo"), "it is a FIFO, not a regular file"),
            (at("endless"), "larger than the limit of 4 bytes"),
            (dir.path().to_owned(), "it is a directory, not a regular file"),
            (at("absent"), "No such file or directory"),
            (at("socket"), "No such device or address"),
            (at("loop"), "symbolic links"),
        ] {
            let error = read_named_file(&path, 4).unwrap_err().to_string();
            assert!(error.contains(problem), "{}: {error}", path.display());
        }
    }
}
