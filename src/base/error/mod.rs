//! One error type for the whole crate. Its variants are grouped by what the user can do about them.

mod io;
mod kind;
mod problem;
mod s3;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use io::is_out_of_files;
pub use io::{IoError, OUT_OF_FILES};
pub use kind::ErrorKind;
pub use problem::Problem;
pub(crate) use s3::Verdict;
pub use s3::{S3Error, S3ErrorClass};

/// The result type of this crate. Errors are only two words in size, because most functions return them.
pub type Result<T> = std::result::Result<T, Error>;

/// The cause of an error. Shared, so that errors can be cloned.
type SharedError = Arc<dyn std::error::Error + Send + Sync + 'static>;

/// An error, classified by what the user can do about it.
///
/// `Display` shows this level only; [`source`](std::error::Error::source) is the cause, [`chain`](Error::chain) both in
/// one line, and [`hint`](Error::hint) the likely fix. No variant contains a secret.
///
/// ```
/// use s3_build_cache::{Error, ErrorKind};
///
/// let error = Error::unsupported("this store has no part copies").with_hint("upload the object again");
/// assert_eq!(error.kind(), ErrorKind::Unsupported);
/// assert_eq!(error.to_string(), "this store has no part copies");
/// assert_eq!(error.hint(), Some("upload the object again"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// An attribute or an argument is invalid: change the command line or the options.
    Usage(Box<Problem>),
    /// A setting from elsewhere is invalid: an environment variable, an AWS file, a certificate bundle.
    Setup(Box<Problem>),
    /// There are no credentials, or their source refused to return any.
    Access(Box<Problem>),
    /// An S3 store refused an operation, failed, or could not be reached.
    S3(Box<S3Error>),
    /// The object does not exist.
    NotFound(Box<Problem>),
    /// The object was modified, created or deleted by another writer, so a condition of the request does not hold: read
    /// it again.
    PreconditionFailed(Box<Problem>),
    /// The store does not support the operation: use another one.
    Unsupported(Box<Problem>),
    /// The object is archived: restore it, or write it again.
    Archived(Box<Problem>),
    /// The requested range starts at or past the end of the object.
    InvalidRange(Box<Problem>),
    /// The object is too large for the operation: use another one.
    TooLarge(Box<Problem>),
    /// The connection broke for good while an object was read.
    Network(Box<Problem>),
    /// Data does not match its digest, size or format: fetch or build it again.
    Integrity(Box<Problem>),
    /// Two sources or two writers disagree: decide which one is right.
    Conflict(Box<Problem>),
    /// A local file or directory could not be used.
    Io(Box<IoError>),
    /// Another process holds the lock on this file: wait for it, or end it.
    Locked(Box<PathBuf>),
    /// The caller cancelled the operation.
    Cancelled,
}

/// Defines what all variants made of a [`Problem`] have in common: a constructor each, and access to the problem.
macro_rules! problems {
    ($($name:ident $variant:ident)*) => {
        $(
            #[doc = concat!("Returns an [`Error::", stringify!($variant), "`] with this message:")]
            /// a lower-case sentence without a full stop.
            pub fn $name(message: impl Into<String>) -> Self {
                Self::$variant(Box::new(Problem::new(message)))
            }
        )*

        fn problem(&self) -> Option<&Problem> {
            match self {
                $(Self::$variant(problem))|* => Some(problem),
                Self::S3(_) | Self::Io(_) | Self::Locked(_) | Self::Cancelled => None,
            }
        }

        fn problem_mut(&mut self) -> Option<&mut Problem> {
            match self {
                $(Self::$variant(problem))|* => Some(problem),
                Self::S3(_) | Self::Io(_) | Self::Locked(_) | Self::Cancelled => None,
            }
        }
    };
}

impl Error {
    problems! {
        usage Usage
        setup Setup
        access Access
        not_found NotFound
        precondition_failed PreconditionFailed
        unsupported Unsupported
        archived Archived
        invalid_range InvalidRange
        too_large TooLarge
        network Network
        integrity Integrity
        conflict Conflict
    }

    /// Returns an error for a local file or directory that could not be used. `action` is what was attempted: `read`,
    /// `rename to`.
    pub fn io(action: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io(Box::new(IoError::new(action, path.into(), source)))
    }

    /// Replaces the likely fix. Has no effect on [`Error::Locked`] and [`Error::Cancelled`].
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(place) = self.hint_mut() {
            *place = Some(hint.into());
        }
        self
    }

    /// Replaces the cause. Has no effect on [`Error::Io`], [`Error::Locked`] and [`Error::Cancelled`].
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        match &mut self {
            Self::S3(error) => error.source = Some(Arc::from(source.into())),
            other => {
                if let Some(problem) = other.problem_mut() {
                    problem.source = Some(Arc::from(source.into()));
                }
            }
        }
        self
    }

    /// Returns the kind of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Usage(_) => ErrorKind::Usage,
            Self::Setup(_) => ErrorKind::Setup,
            Self::Access(_) => ErrorKind::Access,
            Self::S3(error) => error.kind(),
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::PreconditionFailed(_) => ErrorKind::PreconditionFailed,
            Self::Unsupported(_) => ErrorKind::Unsupported,
            Self::Archived(_) => ErrorKind::Archived,
            Self::InvalidRange(_) => ErrorKind::InvalidRange,
            Self::TooLarge(_) => ErrorKind::TooLarge,
            Self::Network(_) => ErrorKind::Network,
            Self::Integrity(_) => ErrorKind::Integrity,
            Self::Conflict(_) => ErrorKind::Conflict,
            Self::Io(_) => ErrorKind::Io,
            Self::Locked(_) => ErrorKind::Locked,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }

    /// Returns whether the same operation may succeed later: the store failed or throttled, or the connection broke.
    ///
    /// Exports and imports repeat such operations after a pause. A store of your own reports a transient failure with
    /// [`Error::network`].
    ///
    /// ```
    /// use s3_build_cache::Error;
    ///
    /// assert!(Error::network("the connection broke").is_transient());
    /// assert!(!Error::access("the token is revoked").is_transient());
    /// ```
    pub fn is_transient(&self) -> bool {
        match self {
            Self::S3(error) => error.verdict.transient,
            error => matches!(error, Self::Network(_)),
        }
    }

    /// Returns whether the store could not be reached at all.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::S3(error) if !error.verdict.reached)
    }

    /// Returns whether the failure may concern only this operation, so that another one may succeed.
    pub(crate) fn may_concern_operation(&self) -> bool {
        match self {
            Self::S3(error) => error.verdict.about_operation,
            error => matches!(error, Self::Unsupported(_)),
        }
    }

    /// Returns whether the refusal may concern the range or its condition, so that requesting the whole object may
    /// succeed.
    pub(crate) fn may_concern_range(&self) -> bool {
        match self {
            Self::S3(error) => error.verdict.about_range,
            error => matches!(error, Self::PreconditionFailed(_) | Self::Unsupported(_)),
        }
    }

    /// Returns the likely fix, if one is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::S3(error) => error.hint.as_deref(),
            Self::Io(error) => error.hint.as_deref(),
            Self::Locked(_) => Some("wait until the other build or import has finished, or end it"),
            other => other.problem()?.hint.as_deref(),
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

    fn hint_mut(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::S3(error) => Some(&mut error.hint),
            Self::Io(error) => Some(&mut error.hint),
            other => other.problem_mut().map(|problem| &mut problem.hint),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Locked(path) => write!(f, "{} is locked by another process", path.display()),
            Self::Cancelled => f.write_str("cancelled"),
            other => other.problem().map_or(Ok(()), |problem| problem.fmt(f)),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::S3(error) => error.source(),
            Self::Io(error) => error.source(),
            other => std::error::Error::source(other.problem()?),
        }
    }
}

impl From<S3Error> for Error {
    fn from(error: S3Error) -> Self {
        Self::S3(Box::new(error))
    }
}
