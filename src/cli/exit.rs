//! Exit statuses, as the README lists them.

use std::process::ExitCode;

use s3_build_cache::{Error, ErrorKind};

pub(crate) const OTHER: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const MISS: u8 = 3;
pub(crate) const ACCESS: u8 = 4;
pub(crate) const INTEGRITY: u8 = 5;
pub(crate) const CONFLICT: u8 = 6;

/// Returns the exit status for an error.
pub(crate) fn status(error: &Error) -> u8 {
    of(error.kind())
}

/// Returns the exit status for an error of that kind.
pub(crate) fn of(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Usage => USAGE,
        ErrorKind::Access => ACCESS,
        ErrorKind::Integrity => INTEGRITY,
        ErrorKind::Conflict | ErrorKind::PreconditionFailed => CONFLICT,
        _ => OTHER,
    }
}

/// Returns the exit status after writing to standard output. Any write error is a failure (a closed pipe, a full disk).
pub(crate) fn code(written: std::io::Result<()>) -> ExitCode {
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(OTHER) }
}
