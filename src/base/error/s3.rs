//! A failed request to an S3 store.

use std::fmt;

use super::{ErrorKind, SharedError};

/// A request to the object store that failed for good.
#[derive(Clone, Debug)]
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
    pub source: Option<SharedError>,
    pub(crate) verdict: Verdict,
}

/// What follows from a failed request for those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whether the same request may succeed later.
    pub(crate) transient: bool,
    /// Whether a connection to the server was made.
    pub(crate) reached: bool,
    /// Whether the failure may concern only this operation, so that another one may succeed.
    pub(crate) about_operation: bool,
    /// Whether the refusal may concern the range or its condition, so that requesting the whole object may succeed.
    pub(crate) about_range: bool,
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
    /// Another operation on the object or the bucket is in progress.
    Conflict,
    /// A condition of the request does not hold: another writer won.
    PreconditionFailed,
    /// The store does not support the operation.
    Unsupported,
    /// The object is archived.
    Archived,
    /// The range starts at or past the end of the object.
    InvalidRange,
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

impl S3Error {
    /// Returns the kind of this error.
    pub fn kind(&self) -> ErrorKind {
        match self.class {
            S3ErrorClass::Access => ErrorKind::Access,
            S3ErrorClass::NoSuchBucket => ErrorKind::NoSuchBucket,
            S3ErrorClass::NotFound => ErrorKind::NotFound,
            S3ErrorClass::Conflict => ErrorKind::Conflict,
            S3ErrorClass::PreconditionFailed => ErrorKind::PreconditionFailed,
            S3ErrorClass::Unsupported => ErrorKind::Unsupported,
            S3ErrorClass::Archived => ErrorKind::Archived,
            S3ErrorClass::InvalidRange => ErrorKind::InvalidRange,
            S3ErrorClass::Corrupt => ErrorKind::Integrity,
            S3ErrorClass::Network => ErrorKind::Network,
            S3ErrorClass::Throttled | S3ErrorClass::NotS3 | S3ErrorClass::Server | S3ErrorClass::Refused => {
                ErrorKind::Store
            }
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

impl std::error::Error for S3Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
