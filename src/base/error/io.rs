//! A local file or directory that could not be used.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A local file or directory that could not be used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IoError {
    /// What was attempted: `read`, `rename to`.
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The likely fix.
    pub hint: Option<String>,
    /// The system's error.
    pub source: Arc<io::Error>,
}

/// The hint for running out of file descriptors.
pub const OUT_OF_FILES: &str =
    "too many files and connections are open: raise the limit (ulimit -n), or lower upload_parallelism";

/// Returns whether the process or the system is out of file descriptors.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

impl IoError {
    /// Returns the error of a failed `action` on `path`, with a hint if the system's error suggests one.
    pub(super) fn new(action: &'static str, path: PathBuf, source: io::Error) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::StorageFull => Some("the disk is full: free some space and run the command again"),
            io::ErrorKind::QuotaExceeded => Some("the quota of this user is used up: free some space"),
            io::ErrorKind::FileTooLarge => {
                Some("the file system, or a limit (ulimit -f), does not allow a file this large")
            }
            io::ErrorKind::PermissionDenied => Some("check its owner and its mode"),
            io::ErrorKind::ReadOnlyFilesystem => Some("the file system is mounted read-only"),
            _ if is_out_of_files(&source) => Some(OUT_OF_FILES),
            _ => None,
        };
        Self { action, path, hint: hint.map(str::to_owned), source: Arc::new(source) }
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}", self.action, self.path.display())
    }
}

impl std::error::Error for IoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
