//! The kinds of errors, for programs to branch on.

/// The kind of an [`Error`](super::Error), for programs to branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// See [`Error::Usage`](super::Error::Usage).
    Usage,
    /// See [`Error::Setup`](super::Error::Setup).
    Setup,
    /// No credentials, or the store refused them (HTTP 401 and 403, and equivalents).
    Access,
    /// The bucket does not exist.
    NoSuchBucket,
    /// The object does not exist.
    NotFound,
    /// The object was modified, created or deleted by another writer, so a condition of the request does not hold.
    PreconditionFailed,
    /// The store does not support the operation.
    Unsupported,
    /// The object is archived: it must be restored before it can be read or copied.
    Archived,
    /// The requested range starts at or past the end of the object.
    InvalidRange,
    /// The object is too large for the operation.
    TooLarge,
    /// The store could not be reached, or the connection broke.
    Network,
    /// The store returned an error of its own.
    Store,
    /// See [`Error::Integrity`](super::Error::Integrity).
    Integrity,
    /// See [`Error::Conflict`](super::Error::Conflict).
    Conflict,
    /// See [`Error::Io`](super::Error::Io).
    Io,
    /// See [`Error::Locked`](super::Error::Locked).
    Locked,
    /// See [`Error::Cancelled`](super::Error::Cancelled).
    Cancelled,
}

impl ErrorKind {
    /// Returns the kind's name in machine-readable output: one or two lower-case words, joined by `-`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Setup => "setup",
            Self::Access => "access",
            Self::NoSuchBucket => "no-such-bucket",
            Self::NotFound => "not-found",
            Self::PreconditionFailed => "precondition-failed",
            Self::Unsupported => "unsupported",
            Self::Archived => "archived",
            Self::InvalidRange => "invalid-range",
            Self::TooLarge => "too-large",
            Self::Network => "network",
            Self::Store => "store",
            Self::Integrity => "integrity",
            Self::Conflict => "conflict",
            Self::Io => "io",
            Self::Locked => "locked",
            Self::Cancelled => "cancelled",
        }
    }
}
