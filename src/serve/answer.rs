//! Responses of a registry, and its errors as the OCI distribution specification writes them.

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
            Self::SizeInvalid => ("SIZE_INVALID", 400),
            Self::TooManyRequests => ("TOOMANYREQUESTS", 429),
            Self::Unauthorized => ("UNAUTHORIZED", 401),
            Self::Unavailable => ("UNAVAILABLE", 503),
            Self::Unknown => ("UNKNOWN", 500),
            Self::Unsupported => ("UNSUPPORTED", 405),
        }
    }
}

/// Why a request is not fulfilled.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(super) code: Code,
    pub(super) message: String,
    /// The likely fix.
    pub(super) hint: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// Returns a refusal with the usual status of `code`.
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        let (status, message) = (code.spelt().1, message.into());
        Self { status, code, message, hint: None, headers: Vec::new() }
    }

    /// Returns a refusal for an error of the store or of this machine: the client may try again.
    pub(super) fn failed(doing: &str, error: &Error) -> Self {
        let code = match error.kind() {
            // Clients give up at once on 403, and an expired token is renewed soon.
            _ if error.is_transient() => Code::Unavailable,
            ErrorKind::Cancelled | ErrorKind::Access | ErrorKind::Network => Code::Unavailable,
            _ => Code::Unknown,
        };
        let refusal = Self::new(code, format!("{doing}: {}", error.chain()));
        error.hint().map_or(refusal.clone(), |hint| refusal.hint(hint))
    }

    /// Replaces the status.
    #[must_use]
    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Adds the likely fix.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a header of the response.
    #[must_use]
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Returns the message and the hint in one line, because clients show nothing else.
    pub(crate) fn line(&self) -> String {
        one_line(&self.message, self.hint.as_deref())
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
        let headers = refusal.headers;
        headers.into_iter().fold(json_of(refusal.status, json), |response, (name, value)| response.header(name, value))
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
    use crate::http::server::Body;

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

    #[test]
    fn an_error_of_the_store_may_be_tried_again() {
        for (error, status) in [
            (Error::network("the connection broke"), 503),
            (Error::access("the token has expired"), 503),
            (Error::integrity("wrong bytes"), 500),
        ] {
            assert_eq!(Refusal::failed("cannot read a blob", &error).status, status, "{error}");
        }
    }
}
