//! What is signed, and with what.

use std::time::SystemTime;

/// The payload hash of a request without a body.
pub(crate) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// How the token of temporary keys is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// As in all services.
    Security,
    /// That of a session with a directory bucket of S3.
    S3Session,
}

impl Token {
    /// The header, in lower case.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Security => "x-amz-security-token",
            Self::S3Session => "x-amz-s3session-token",
        }
    }

    /// The parameter of a presigned URL.
    pub(super) fn parameter(self) -> &'static str {
        match self {
            Self::Security => "X-Amz-Security-Token",
            Self::S3Session => "X-Amz-S3session-Token",
        }
    }
}

/// The scope of the signature: the day of `time`, a region and a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignatureScope<'a> {
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) time: SystemTime,
    /// How the token of the keys is named, if they have one.
    pub(crate) token: Token,
}

/// The parts of a request that are signed.
#[derive(Debug)]
pub(crate) struct Signable<'a> {
    pub(crate) method: &'a str,
    /// Encoded as sent.
    pub(crate) path: &'a str,
    /// From [`canonical_query`](crate::sigv4::canonical_query), and sent as is.
    pub(crate) query: &'a str,
    /// The hex SHA-256 of the body.
    pub(crate) payload_hash: &'a str,
}

/// The payload hash of a request whose body is not signed.
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
