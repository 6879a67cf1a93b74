//! Exit statuses, as the help, the manual page and the guide list them.

use std::process::ExitCode;

use s3_build_cache::ErrorKind;

pub(crate) const OTHER: u8 = 1;
const USAGE: u8 = 2;
pub(crate) const MISS: u8 = 3;
const ACCESS: u8 = 4;
const INTEGRITY: u8 = 5;
const CONFLICT: u8 = 6;

/// What each exit status means.
pub(crate) const MEANINGS: &[(&str, &str)] = &[
    ("0", "success; also a miss, and a failed export with ignore-error=true"),
    ("1", "any other error: no such bucket, not an S3 endpoint, network, file system, locked"),
    ("2", "invalid command line or attribute"),
    ("3", "no cache found, with --fail-on-miss"),
    ("4", "no credentials, or access denied; also doctor if any check was denied access"),
    ("5", "an invalid manifest, size or digest"),
    ("6", "two sources contradict each other, or another writer won a race"),
    ("126, 127", "run: the command is not executable, or not found; otherwise run ends with its status"),
    ("129, 130, 131, 143", "ended by SIGHUP, SIGINT, SIGQUIT or SIGTERM"),
];

/// Returns the exit status for an error of that kind.
pub(crate) fn status(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Usage => USAGE,
        ErrorKind::Access => ACCESS,
        ErrorKind::Integrity => INTEGRITY,
        ErrorKind::Conflict | ErrorKind::PreconditionFailed => CONFLICT,
        _ => OTHER,
    }
}

/// Returns the exit status after writing to standard output. Any write error is a failure (a closed pipe, a full disk).
pub(crate) fn after_writing(written: std::io::Result<()>) -> ExitCode {
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(OTHER) }
}
