//! Responses of a registry, and its errors as the OCI distribution specification writes them.

use std::ops::Deref;

use crate::base::{Digest, Error, ErrorKind};
use crate::go::push_go_string;
use crate::http::server::Response;
pub(super) use crate::ops::push::OCTETS;

const JSON: &str = "application/json";

/// The error codes of the OCI distribution specification, and those of other registries for what it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    Denied,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    PaginationNumberInvalid,
    RangeInvalid,
    SizeInvalid,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unknown,
    Unsupported,
}

impl Code {
    /// Returns the code as clients read it, and the status that usually goes with it.
    fn spelt(self) -> (&'static str, u16) {
        match self {
            Self::BlobUnknown => ("BLOB_UNKNOWN", 404),
            Self::BlobUploadInvalid => ("BLOB_UPLOAD_INVALID", 400),
            Self::BlobUploadUnknown => ("BLOB_UPLOAD_UNKNOWN", 404),
            Self::Denied => ("DENIED", 403),
            Self::DigestInvalid => ("DIGEST_INVALID", 400),
            Self::ManifestBlobUnknown => ("MANIFEST_BLOB_UNKNOWN", 400),
            Self::ManifestInvalid => ("MANIFEST_INVALID", 400),
            Self::ManifestUnknown => ("MANIFEST_UNKNOWN", 404),
            Self::NameInvalid => ("NAME_INVALID", 400),
            Self::NameUnknown => ("NAME_UNKNOWN", 404),
            Self::PaginationNumberInvalid => ("PAGINATION_NUMBER_INVALID", 400),
            Self::RangeInvalid => ("RANGE_INVALID", 416),
            Self::SizeInvalid => ("SIZE_INVALID", 413),
            Self::TooManyRequests => ("TOOMANYREQUESTS", 429),
            Self::Unauthorized => ("UNAUTHORIZED", 401),
            Self::Unavailable => ("UNAVAILABLE", 503),
            Self::Unknown => ("UNKNOWN", 500),
            Self::Unsupported => ("UNSUPPORTED", 405),
        }
    }
}

/// Why a request is not fulfilled. One word in size, because most functions of the server return it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal(Box<Details>);

/// The details of a refusal.
#[derive(Clone, Debug)]
pub(crate) struct Details {
    pub(crate) status: u16,
    pub(super) code: Code,
    pub(super) message: String,
    /// The likely fix.
    pub(super) hint: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
    /// The store or this machine has failed, not the client.
    pub(super) is_failure: bool,
}

impl Refusal {
    /// Returns a refusal with the usual status of `code`.
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        let (status, message) = (code.spelt().1, message.into());
        let is_failure = status >= 500;
        Self(Box::new(Details { status, code, message, hint: None, headers: Vec::new(), is_failure }))
    }

    /// Returns a refusal for an error of the store or of this machine. Clients repeat a request after a status of 500
    /// or more, and give up at once on others.
    pub(super) fn failed(doing: &str, error: &Error) -> Self {
        let code = match error.kind() {
            _ if error.is_transient() => Code::Unavailable,
            ErrorKind::Cancelled | ErrorKind::Network => Code::Unavailable,
            ErrorKind::Access => Code::Denied,
            ErrorKind::TooLarge => Code::SizeInvalid,
            _ => Code::Unknown,
        };
        let mut refusal = Self::new(code, format!("{doing}: {}", error.chain()));
        refusal.0.is_failure = error.kind() != ErrorKind::Cancelled;
        refusal.hint_of(error)
    }

    /// Same as [`failed`](Self::failed), for a blob that a manifest has promised: the client always repeats the
    /// request, because otherwise its build fails.
    pub(super) fn unreadable(doing: &str, error: &Error) -> Self {
        let mut refusal = Self::failed(doing, error);
        if refusal.status < 500 {
            (refusal.0.code, refusal.0.status) = (Code::Unavailable, 503);
        }
        refusal
    }

    /// Replaces the status.
    #[must_use]
    pub(super) fn status(mut self, status: u16) -> Self {
        self.0.status = status;
        self
    }

    /// Adds the likely fix.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the likely fix of an error, if it has one.
    #[must_use]
    pub(super) fn hint_of(mut self, error: &Error) -> Self {
        self.0.hint = error.hint().map(str::to_owned);
        self
    }

    /// Adds a header of the response.
    #[must_use]
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// Returns the message and the hint in one line, because clients show nothing else.
    pub(crate) fn line(&self) -> String {
        one_line(&self.message, self.hint.as_deref())
    }
}

impl Deref for Refusal {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

/// Returns why something failed and the likely fix on one line.
pub(super) fn one_line(why: &str, hint: Option<&str>) -> String {
    hint.map_or_else(|| why.to_owned(), |hint| format!("{why} (hint: {hint})"))
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let mut json = String::from("{\"errors\":[{\"code\":\"");
        json.push_str(refusal.code.spelt().0);
        json.push_str("\",\"message\":");
        push_go_string(&mut json, &refusal.line());
        json.push_str("}]}\n");
        let Details { status, headers, .. } = *refusal.0;
        headers.into_iter().fold(json_of(status, json), |response, (name, value)| response.header(name, value))
    }
}

/// Returns a response with this JSON.
pub(super) fn json_of(status: u16, json: String) -> Response {
    Response::bytes(status, JSON, json)
}

/// Adds the digest of what the response holds.
pub(super) fn with_digest(response: Response, digest: &Digest) -> Response {
    response.header("docker-content-digest", digest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{S3Error, S3ErrorClass, Verdict};
    use crate::http::server::Body;

    /// An error of the store.
    fn refused(class: S3ErrorClass, transient: bool) -> Error {
        let verdict = Verdict { transient, reached: true, about_operation: false, about_range: false };
        Error::from(S3Error {
            operation: "PutObject",
            bucket: "b".to_owned(),
            key: None,
            status: Some(400),
            code: None,
            message: None,
            request_id: None,
            attempts: 1,
            class,
            hint: None,
            source: None,
            verdict,
        })
    }

    #[test]
    fn a_refusal_is_the_json_of_the_specification() {
        let refusal = Refusal::new(Code::ManifestUnknown, "there is \"none\"").hint("export first").header("x", "y");
        let response = Response::from(refusal);
        let Body::Bytes(bytes) = &response.body else { panic!("{response:?}") };
        let json: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        let expected = serde_json::json!({"errors": [
            {"code": "MANIFEST_UNKNOWN", "message": "there is \"none\" (hint: export first)"}
        ]});
        assert_eq!((response.status, json), (404, expected));
        assert!(response.headers.contains(&("x", "y".to_owned())));
    }

    /// A client that reads always repeats the request; one that writes does so unless that is no use.
    #[test]
    fn every_kind_of_error_has_its_status() {
        let (unavailable, unknown) = ((Code::Unavailable, 503), (Code::Unknown, 500));
        let rows = [
            (Error::usage("x"), unknown, unknown),
            (Error::setup("x"), unknown, unknown),
            (Error::access("x"), (Code::Denied, 403), unavailable),
            (Error::not_found("x"), unknown, unknown),
            (Error::precondition_failed("x"), unknown, unknown),
            (Error::unsupported("x"), unknown, unknown),
            (Error::archived("x"), unknown, unknown),
            (Error::invalid_range("x"), unknown, unknown),
            (Error::too_large("x"), (Code::SizeInvalid, 413), unavailable),
            (Error::network("x"), unavailable, unavailable),
            (Error::integrity("x"), unknown, unknown),
            (Error::conflict("x"), unknown, unknown),
            (Error::io("write", "/x", std::io::ErrorKind::StorageFull.into()), unknown, unknown),
            (refused(S3ErrorClass::Access, false), (Code::Denied, 403), unavailable),
            (refused(S3ErrorClass::NoSuchBucket, false), unknown, unknown),
            (refused(S3ErrorClass::Network, false), unavailable, unavailable),
            (refused(S3ErrorClass::Server, true), unavailable, unavailable),
            (refused(S3ErrorClass::Throttled, true), unavailable, unavailable),
            (refused(S3ErrorClass::Refused, false), unknown, unknown),
            // Such as a token that is about to be renewed.
            (refused(S3ErrorClass::Access, true), unavailable, unavailable),
        ];
        let rows = rows.map(|(error, written, read)| (error.with_hint("fix it"), written, read));
        let others =
            [(Error::Locked(Box::new("/x".into())), unknown, unknown), (Error::Cancelled, unavailable, unavailable)];
        for (error, written, read) in rows.into_iter().chain(others) {
            let refusals = [Refusal::failed("cannot", &error), Refusal::unreadable("cannot", &error)];
            assert_eq!(refusals.each_ref().map(|refusal| (refusal.code, refusal.status)), [written, read], "{error:?}");
            for refusal in refusals {
                assert_eq!(refusal.is_failure, error.kind() != ErrorKind::Cancelled);
                assert!(refusal.message.starts_with("cannot: "), "{refusal:?}");
                assert_eq!(refusal.hint.as_deref(), error.hint());
            }
        }
    }
}
