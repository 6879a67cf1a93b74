//! A refusal, and the request that caused it.

use crate::aws::KeyMistake;
use crate::s3::answer::Answer;
use crate::s3::endpoint::Endpoint;

/// A refusal and the request that caused it: everything that its class and hint depend on.
pub(super) struct Refusal<'a> {
    pub(super) answer: &'a Answer,
    pub(super) operation: &'static str,
    /// Whether the request was for an object, not for the bucket.
    pub(super) on_object: bool,
    pub(super) bucket: &'a str,
    /// The endpoint of the bucket, as far as known.
    pub(super) endpoint: &'a Endpoint,
    /// The configured region, which may be wrong, and the setting that defines it.
    pub(super) region: (&'a str, &'a str),
    /// The source of the credentials; `None` if requests are not signed.
    pub(super) signer: Option<String>,
    /// A likely mistake in the keys.
    pub(super) mistake: Option<KeyMistake>,
    /// Headers sent with every write: storage class and encryption.
    pub(super) write_headers: &'a [(String, String)],
    /// Headers sent with every request.
    pub(super) request_headers: &'a [(String, String)],
    /// The condition of the request: `If-Match` or `If-None-Match`.
    pub(super) condition: Option<&'static str>,
    /// Whether the body was sent as `UNSIGNED-PAYLOAD`.
    pub(super) unsigned: bool,
    /// Whether it was signed with the keys of a session.
    pub(super) session: bool,
    /// The bucket has been listed before.
    pub(super) may_list: bool,
}

impl Refusal<'_> {
    pub(super) fn code(&self) -> &str {
        self.answer.code.as_deref().unwrap_or_default()
    }

    pub(super) fn message(&self) -> &str {
        self.answer.message.as_deref().unwrap_or_default()
    }

    /// Returns the source of the credentials.
    pub(super) fn who(&self) -> &str {
        self.signer.as_deref().unwrap_or("no credentials (anonymous)")
    }

    /// Returns the value of a header sent with every write, if this request writes.
    pub(super) fn written(&self, header: &str) -> Option<&str> {
        let value = self.write_headers.iter().find(|(name, _)| name == header).map(|(_, value)| value.as_str());
        value.filter(|_| self.sets_encryption())
    }

    /// Returns whether the request sets the encryption of an object.
    pub(super) fn sets_encryption(&self) -> bool {
        matches!(self.operation, "PutObject" | "CopyObject" | "CreateMultipartUpload")
    }
}
