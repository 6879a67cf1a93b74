//! What a server says when it refuses: status, error document, headers.

use std::time::Duration;

use crate::base::Element;
use crate::http::{Fault, Response, retry};

/// Error documents are a few hundred bytes; more is not read.
const MAX_ERROR_BYTES: u64 = 64 * 1024;
/// Of what a server says at most this much is shown.
pub(crate) const MAX_SHOWN_CHARS: usize = 300;

/// Why a call failed for good.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) cause: Cause,
    pub(super) attempts: u32,
}

#[derive(Debug)]
pub(super) enum Cause {
    /// Not the server's doing: no credentials, cancelled, the payload could not be read.
    Own(crate::base::Error),
    /// There was no answer, or it broke off.
    NoAnswer(Fault),
    /// The server refused.
    Refused(Box<Answer>),
}

/// A refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    /// The region the bucket is in, where the answer says so.
    pub(crate) region: Option<String>,
    /// The body is neither empty nor an S3 document.
    pub(super) foreign: bool,
    /// What the server calls itself.
    pub(crate) server: Option<String>,
    pub(super) retry_after: Option<Duration>,
}

impl Answer {
    /// Reads an answer that is not a success.
    pub(super) fn read(mut response: Response) -> Self {
        // An error document that breaks off is as good as none: the status says enough to go on.
        let body = response.read(MAX_ERROR_BYTES).unwrap_or_default();
        Self::new(&response, &body)
    }

    /// `body` is that of the response.
    pub(super) fn new(response: &Response, body: &[u8]) -> Self {
        Self::parse(response.status(), |name| response.header(name), body)
    }

    /// `header` gives the trimmed value of a header that is there.
    pub(crate) fn parse<'a>(status: u16, header: impl Fn(&str) -> Option<&'a str>, body: &[u8]) -> Self {
        let shown_header = |name: &str| header(name).filter(|value| !value.is_empty()).map(shown);
        let document = Element::parse(body).ok().filter(|root| root.name == "Error" || root.child("Error").is_some());
        // STS and some stores wrap it.
        let error = document.as_ref().map(|root| root.child("Error").unwrap_or(root));
        let text = |name: &str| error.and_then(|error| error.child_text(name)).map(shown);
        let empty = body.iter().all(u8::is_ascii_whitespace);
        Self {
            status,
            code: text("Code").or_else(|| shown_header("x-minio-error-code")),
            message: text("Message").or_else(|| shown_header("x-minio-error-desc")),
            request_id: shown_header("x-amz-request-id").or_else(|| text("RequestId")),
            region: shown_header("x-amz-bucket-region").or_else(|| text("Region")),
            foreign: error.is_none() && !empty,
            server: shown_header("server"),
            retry_after: retry::retry_after(header("x-amz-retry-after"), header("retry-after")),
        }
    }

    /// A success that is none: not what S3 answers.
    pub(super) fn foreign(response: &Response) -> Self {
        Self { foreign: true, ..Self::new(response, b"") }
    }

    /// A success whose body says that it is none, or says nothing.
    pub(super) fn failed(response: &Response, body: &[u8]) -> Cause {
        Cause::Refused(Box::new(Self { foreign: false, ..Self::new(response, body) }))
    }

    /// The server has no such operation.
    pub(super) fn is_unsupported(&self) -> bool {
        matches!(self.status, 405 | 501) && !self.foreign
    }

    pub(super) fn has_code(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// The object does not exist: S3 says so, or there is a 404 without a body.
    pub(super) fn is_not_found(&self) -> bool {
        self.status == 404 && !self.foreign && (self.code.is_none() || self.has_code(&["NoSuchKey", "NotFound"]))
    }

    pub(crate) fn failure(&self) -> retry::Failure {
        if self.is_transient() {
            retry::Failure::Transient { retry_after: self.retry_after }
        } else {
            retry::Failure::Permanent
        }
    }

    pub(super) fn is_throttled(&self) -> bool {
        const CODES: &[&str] = &[
            "SlowDown",
            "SlowDownRead",
            "SlowDownWrite",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "TooManyRequests",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
            "LimitExceededException",
            "PriorRequestNotComplete",
            "EC2ThrottledException",
        ];
        self.status == 429 || self.has_code(CODES)
    }

    fn is_transient(&self) -> bool {
        const CODES: &[&str] = &[
            "RequestTimeout",
            "RequestTimeoutException",
            "InternalError",
            "OperationAborted",
            "ConditionalRequestConflict",
        ];
        // 520 to 526: a CDN could not reach the store behind it. A 200 here is an error document.
        let by_status = matches!(self.status, 200 | 408 | 500 | 502 | 503 | 504 | 520..=526) && !self.foreign_success();
        by_status || self.is_throttled() || self.has_code(CODES)
    }

    fn foreign_success(&self) -> bool {
        self.foreign && self.status < 300
    }
}

pub(super) fn is_html(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|value| value.to_ascii_lowercase().starts_with("text/html"))
}

/// Bounded, on one line.
fn shown(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(MAX_SHOWN_CHARS).collect()
}
