//! One error type for the whole crate. Its variants are grouped by what the user can do about them.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An error, classified by what the user can do about it.
///
/// `Display` shows this level only; [`source`](std::error::Error::source) is the cause and [`hint`](Error::hint) the
/// likely fix. No variant contains a secret.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An attribute or an argument is invalid: change the command line or the options.
    Usage(Problem),
    /// A setting from elsewhere is invalid: an environment variable, an AWS file, a certificate bundle.
    Setup(Problem),
    /// There are no credentials, or their source refused to return any.
    Access(Problem),
    /// The object store refused an operation, failed, or could not be reached.
    S3(Box<S3Error>),
    /// The connection broke for good while an object was read.
    Network(Problem),
    /// Data does not match its digest, size or format: fetch or build it again.
    Integrity(Problem),
    /// Two sources or two writers disagree: decide which one is right.
    Conflict(Problem),
    /// A local file or directory could not be used.
    Io(Box<IoError>),
    /// Another process holds the lock on this file: wait for it, or end it.
    Locked(PathBuf),
    /// The caller cancelled the operation.
    Canceled,
}

/// The coarse class of an [`Error`], for programs to branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// See [`Error::Usage`].
    Usage,
    /// See [`Error::Setup`].
    Setup,
    /// No credentials, or the store refused them (HTTP 401 and 403, and equivalents).
    Access,
    /// The bucket does not exist.
    NoSuchBucket,
    /// The store could not be reached, or the connection broke.
    Network,
    /// The store returned an error of its own.
    Store,
    /// See [`Error::Integrity`].
    Integrity,
    /// See [`Error::Conflict`].
    Conflict,
    /// See [`Error::Io`].
    Io,
    /// See [`Error::Locked`].
    Locked,
    /// See [`Error::Canceled`].
    Canceled,
}

impl ErrorKind {
    /// Returns the kind's name in machine-readable output: one or two lower-case words, joined by `-`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Setup => "setup",
            Self::Access => "access",
            Self::NoSuchBucket => "no-such-bucket",
            Self::Network => "network",
            Self::Store => "store",
            Self::Integrity => "integrity",
            Self::Conflict => "conflict",
            Self::Io => "io",
            Self::Locked => "locked",
            Self::Canceled => "canceled",
        }
    }
}

/// What happened, in one lower-case sentence without a full stop, with the fix and the cause if they are known.
#[derive(Debug)]
#[non_exhaustive]
pub struct Problem {
    /// What happened, including the attribute, file, key or digest.
    pub message: String,
    /// The likely fix.
    pub hint: Option<String>,
    source: Option<Source>,
}

/// A request to the object store that failed for good.
#[derive(Debug)]
#[non_exhaustive]
pub struct S3Error {
    /// The S3 operation in S3's spelling: `PutObject`.
    pub operation: &'static str,
    /// The bucket.
    pub bucket: String,
    /// The object key, if the operation has one.
    pub key: Option<String>,
    /// The HTTP status, if there was a response.
    pub status: Option<u16>,
    /// The `Code` of the S3 error document, or of an equivalent header.
    pub code: Option<String>,
    /// The `Message` of the S3 error document.
    pub message: Option<String>,
    /// The store's request id, for its operator.
    pub request_id: Option<String>,
    /// The number of attempts.
    pub attempts: u32,
    /// What the failure means.
    pub class: S3ErrorClass,
    /// The likely fix.
    pub hint: Option<String>,
    /// The transport's error, if there was no response.
    pub source: Option<Source>,
}

/// The meaning of a failed S3 request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum S3ErrorClass {
    /// Credentials are missing, wrong, expired, or lack a permission.
    Access,
    /// The bucket does not exist.
    NoSuchBucket,
    /// The object does not exist.
    NotFound,
    /// Another writer won, or a precondition failed.
    Conflict,
    /// The bytes that arrived are not those that were announced.
    Corrupt,
    /// The store asks for fewer requests.
    Throttled,
    /// The connection failed, broke or stalled.
    Network,
    /// The server does not speak S3.
    NotS3,
    /// The store failed (5xx).
    Server,
    /// The store refused the request itself (any other 3xx and 4xx).
    Refused,
}

/// A local file or directory that could not be used.
#[derive(Debug)]
#[non_exhaustive]
pub struct IoError {
    /// What was attempted: `read`, `rename to`.
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The likely fix.
    pub hint: Option<String>,
    /// The system's error.
    pub source: io::Error,
}

impl Problem {
    /// Returns a problem without a hint or a cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, source: None }
    }

    /// Adds the likely fix.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl Error {
    /// Returns the coarse class of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Usage(_) => ErrorKind::Usage,
            Self::Setup(_) => ErrorKind::Setup,
            Self::Access(_) => ErrorKind::Access,
            Self::S3(error) => match error.class {
                S3ErrorClass::Access => ErrorKind::Access,
                S3ErrorClass::NoSuchBucket => ErrorKind::NoSuchBucket,
                S3ErrorClass::Conflict => ErrorKind::Conflict,
                S3ErrorClass::Corrupt => ErrorKind::Integrity,
                S3ErrorClass::Network => ErrorKind::Network,
                S3ErrorClass::NotFound
                | S3ErrorClass::Throttled
                | S3ErrorClass::NotS3
                | S3ErrorClass::Server
                | S3ErrorClass::Refused => ErrorKind::Store,
            },
            Self::Network(_) => ErrorKind::Network,
            Self::Integrity(_) => ErrorKind::Integrity,
            Self::Conflict(_) => ErrorKind::Conflict,
            Self::Io(_) => ErrorKind::Io,
            Self::Locked(_) => ErrorKind::Locked,
            Self::Canceled => ErrorKind::Canceled,
        }
    }

    /// Returns the likely fix, if one is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Usage(p)
            | Self::Setup(p)
            | Self::Access(p)
            | Self::Network(p)
            | Self::Integrity(p)
            | Self::Conflict(p) => p.hint.as_deref(),
            Self::S3(error) => error.hint.as_deref(),
            Self::Io(error) => error.hint.as_deref(),
            Self::Locked(_) => Some("wait until the other build or import has finished, or end it"),
            Self::Canceled => None,
        }
    }

    /// Returns this error and its causes in one line.
    pub fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }

    /// Returns an error for a local file or directory that could not be used.
    pub fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::StorageFull => Some("the disk is full: free some space and run the command again"),
            io::ErrorKind::QuotaExceeded => Some("the quota of this user is used up: free some space"),
            io::ErrorKind::FileTooLarge => Some("the file system, or a limit (ulimit -f), allows no file so large"),
            io::ErrorKind::PermissionDenied => Some("check who owns it and its mode"),
            io::ErrorKind::ReadOnlyFilesystem => Some("the file system is mounted read-only"),
            _ if is_out_of_files(&source) => Some(OUT_OF_FILES),
            _ => None,
        };
        Self::Io(Box::new(IoError { action, path: path.into(), hint: hint.map(str::to_owned), source }))
    }
}

/// The hint for [running out](is_out_of_files) of file descriptors.
pub(crate) const OUT_OF_FILES: &str =
    "there may be too few open files and connections: raise the limit (ulimit -n), or lower --jobs";

/// Returns whether the process or the system is out of file descriptors.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(p)
            | Self::Setup(p)
            | Self::Access(p)
            | Self::Network(p)
            | Self::Integrity(p)
            | Self::Conflict(p) => f.write_str(&p.message),
            Self::S3(error) => error.fmt(f),
            Self::Io(error) => write!(f, "cannot {} {}", error.action, error.path.display()),
            Self::Locked(path) => write!(f, "{} is locked by another process", path.display()),
            Self::Canceled => f.write_str("cancelled"),
        }
    }
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s3://{}", self.operation, self.bucket)?;
        if let Some(key) = &self.key {
            write!(f, "/{key}")?;
        }
        match (self.status, &self.code) {
            (Some(status), Some(code)) => write!(f, ": {status} {code}")?,
            (Some(status), None) => write!(f, ": HTTP {status}")?,
            (None, _) => f.write_str(": no answer")?,
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request id {id})")?;
        }
        if self.attempts > 1 {
            write!(f, " after {} attempts", self.attempts)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = match self {
            Self::Usage(p)
            | Self::Setup(p)
            | Self::Access(p)
            | Self::Network(p)
            | Self::Integrity(p)
            | Self::Conflict(p) => &p.source,
            Self::S3(error) => &error.source,
            Self::Io(error) => return Some(&error.source),
            Self::Locked(_) | Self::Canceled => return None,
        };
        source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl From<S3Error> for Error {
    fn from(error: S3Error) -> Self {
        Self::S3(Box::new(error))
    }
}
