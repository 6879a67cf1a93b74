//! A server's refusal: its status, error document and headers, and which refusals are retried.

use std::time::SystemTime;

use crate::aws::KeyMistake;
use crate::base::{Element, Secret, shown_without};
use crate::http::parse_http_date;
use crate::http::retry::{AttemptFailure, RetryAfter, is_throttling};
use crate::http::{Fault, Response};

/// Error documents have a few hundred bytes; no more than this is read.
pub(super) const MAX_ERROR_BYTES: u64 = 64 * 1024;

/// Why a call failed for good.
#[derive(Debug)]
pub(super) struct FailedCall {
    pub(super) cause: Cause,
    pub(super) attempts: u32,
    /// Whether it would have been retried if there had been fewer other failures.
    pub(super) out_of_tokens: bool,
    /// The secrets and the signature of the last attempt, to be masked.
    pub(super) secrets: Vec<Secret>,
    /// A likely mistake in the keys that the last attempt was signed with.
    pub(super) mistake: Option<KeyMistake>,
    /// Whether the body of the last attempt was sent as `UNSIGNED-PAYLOAD`.
    pub(super) unsigned: bool,
    /// Whether the last attempt was signed with the keys of a session.
    pub(super) session: bool,
}

impl FailedCall {
    /// Returns a failure that the server did not cause.
    pub(super) fn own(error: crate::base::Error, attempts: u32) -> Self {
        Self { attempts, ..Self::new(Cause::Own(error)) }
    }

    /// Returns a failure of the first attempt, before it was signed.
    pub(super) fn new(cause: Cause) -> Self {
        let (secrets, mistake, unsigned, session) = (Vec::new(), None, false, false);
        Self { cause, attempts: 1, out_of_tokens: false, secrets, mistake, unsigned, session }
    }
}

#[derive(Debug)]
pub(super) enum Cause {
    /// Not caused by the server: no credentials, cancelled, the payload could not be read.
    Own(crate::base::Error),
    /// There was no response, or it was cut off.
    NoAnswer(Fault),
    /// The server refused.
    Refused(Box<Answer>),
}

/// A refusal as received. Decisions are based on it; [`Answer::hide`] must be called before it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    /// The region of the bucket, if the response names it.
    pub(crate) region: Option<String>,
    /// Whether the body is neither empty nor an S3 document.
    pub(super) foreign: bool,
    /// The `Server` header.
    pub(crate) server: Option<String>,
    pub(super) retry_after: Option<RetryAfter>,
    /// The target of a redirect.
    pub(super) location: Option<String>,
    /// The server's time, unless a cache on the way supplied it.
    pub(super) date: Option<SystemTime>,
}

impl Answer {
    /// Reads a response that is not a success.
    pub(super) fn read(mut response: Response) -> Cause {
        let (body, broke) = response.read_briefly(MAX_ERROR_BYTES);
        let answer = Self::new(&response, &body);
        match broke {
            // The missing part would have shown whether the object or the bucket does not exist.
            Some(fault) if answer.status == 404 && answer.code.is_none() => Cause::NoAnswer(fault),
            // In all other cases, the status is enough.
            _ => Cause::Refused(Box::new(answer)),
        }
    }

    /// `body` is the body of the response.
    pub(super) fn new(response: &Response, body: &[u8]) -> Self {
        Self::parse(response.status(), |name| response.header(name), body)
    }

    /// `header` returns the trimmed value of a header.
    pub(crate) fn parse<'a>(status: u16, header: impl Fn(&str) -> Option<&'a str>, body: &[u8]) -> Self {
        let said = |name: &str| header(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let document = Element::parse(body).ok().filter(is_error);
        let error = document.as_ref().map(|root| root.child("Error").unwrap_or(root));
        let text = |name: &str| error.and_then(|error| error.child_text(name)).map(str::to_owned);
        let empty = body.iter().all(u8::is_ascii_whitespace);
        Self {
            status,
            code: text("Code").or_else(|| said("x-minio-error-code")),
            message: text("Message").or_else(|| said("x-minio-error-desc")),
            request_id: said("x-amz-request-id").or_else(|| text("RequestId")),
            region: said("x-amz-bucket-region")
                .or_else(|| text("Region"))
                .or_else(|| error?.child_text("Endpoint").and_then(region_of_host))
                .or_else(|| region_of_message(error?.child_text("Code")?, error?.child_text("Message")?)),
            foreign: error.is_none() && !empty,
            server: said("server"),
            retry_after: RetryAfter::of(&header),
            location: header("location").map(str::to_owned),
            date: date(&header),
        }
    }

    /// Returns the server's time in a response, unless a cache on the way supplied it.
    pub(super) fn date_of(response: &Response) -> Option<SystemTime> {
        date(&|name| response.header(name))
    }

    /// Returns a success response that is not from S3.
    pub(super) fn foreign(response: &Response) -> Self {
        Self { foreign: true, ..Self::new(response, b"") }
    }

    /// Returns a success response whose body reports a failure, or is empty.
    pub(super) fn failed(response: &Response, body: &[u8]) -> Cause {
        Cause::Refused(Box::new(Self { foreign: false, ..Self::new(response, body) }))
    }

    /// Returns whether the server does not support the operation.
    pub(super) fn is_unsupported(&self) -> bool {
        matches!(self.status, 405 | 501) && !self.foreign
    }

    /// Makes the texts safe to show: masks these secrets, which a server may echo, then truncates. The order matters:
    /// truncation could leave the start of a secret.
    pub(crate) fn hide(&mut self, secrets: &[&str]) {
        let texts = [&mut self.code, &mut self.message, &mut self.request_id, &mut self.region, &mut self.server];
        for text in texts.into_iter().flatten() {
            *text = shown_without(text, secrets);
        }
    }

    pub(super) fn has_code(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Returns whether the write needs a checksum, as with Object Lock.
    pub(super) fn wants_checksum(&self) -> bool {
        let text = self.message.as_deref().unwrap_or_default().to_ascii_lowercase();
        let named = ["content-md5", "x-amz-checksum-"].iter().any(|header| text.contains(header));
        // A message about a wrong checksum names the header too.
        let wrong = self.has_code(&["BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"]);
        self.status == 400 && !wrong && (named || self.has_code(&["MissingContentMD5"]))
    }

    /// Returns whether the object does not exist: S3 says so, or the response is a 404 without a body.
    pub(super) fn is_not_found(&self) -> bool {
        self.status == 404 && !self.foreign && (self.code.is_none() || self.has_code(&["NoSuchKey", "NotFound"]))
    }

    /// Returns whether the condition of the request does not hold, or another request on the object is in progress.
    pub(super) fn is_unmet_condition(&self) -> bool {
        self.status == 412 || self.has_code(&["PreconditionFailed", "ConditionalRequestConflict"])
    }

    /// Returns whether the object must be restored before it can be read or copied. For some storage classes, neither a
    /// listing nor a HEAD shows this.
    pub(super) fn is_archived(&self) -> bool {
        self.has_code(&["InvalidObjectState"])
    }

    /// Returns the cause for a response that is not a document: empty or truncated, which a retry may fix, or not from
    /// S3 at all.
    pub(super) fn no_document(response: &Response, body: &[u8]) -> Cause {
        let text = String::from_utf8_lossy(body);
        let cut_off = text.trim_start().starts_with('<') && !text.to_ascii_lowercase().contains("<html");
        let foreign = !(text.trim().is_empty() || cut_off) || is_html(response.header("content-type"));
        Cause::Refused(Box::new(Self { foreign, ..Self::new(response, body) }))
    }

    /// Returns whether to retry, by the status and the error code.
    pub(crate) fn failure(&self) -> AttemptFailure {
        let retry_after = self.retry_after;
        if self.is_throttled() {
            AttemptFailure::Throttled { retry_after }
        } else if self.is_transient() {
            AttemptFailure::Transient { retry_after }
        } else {
            AttemptFailure::Permanent
        }
    }

    pub(super) fn is_throttled(&self) -> bool {
        self.status == 429 || self.code.as_deref().is_some_and(is_throttling)
    }

    fn is_transient(&self) -> bool {
        const CODES: &[&str] = &[
            "RequestTimeout",
            "RequestTimeoutException",
            "InternalError",
            "OperationAborted",
            "ConditionalRequestConflict",
            "KMS.DependencyTimeoutException",
            "KMS.InternalException",
            "KMS.KMSInternalException",
            "KMS.KeyUnavailableException",
        ];
        // 520 to 526: a CDN could not reach the store behind it. A 200 here is an error document.
        let by_status =
            matches!(self.status, 200 | 206 | 408 | 500 | 502 | 503 | 504 | 520..=526) && !self.foreign_success();
        // A write whose condition does not hold may fail after status 200.
        (by_status && !self.has_code(&["PreconditionFailed"])) || self.has_code(CODES)
    }

    fn foreign_success(&self) -> bool {
        self.foreign && self.status < 300
    }
}

/// Returns whether a document reports an error. STS and some stores wrap it.
pub(super) fn is_error(root: &Element) -> bool {
    root.name == "Error" || root.child("Error").is_some()
}

/// Reads a response that should be empty, so that its connection can be reused. It may still be an error document, or
/// not be from S3.
pub(super) fn read_empty(response: &mut Response) -> Result<(), Cause> {
    let body = response.read(MAX_ERROR_BYTES).map_err(Cause::NoAnswer)?;
    // Swift labels an empty body as HTML.
    if Element::parse(&body).is_ok_and(|root| is_error(&root))
        || (is_html(response.header("content-type")) && !body.is_empty())
    {
        return Err(Cause::Refused(Box::new(Answer::new(response, &body))));
    }
    Ok(())
}

fn date<'a>(header: &impl Fn(&str) -> Option<&'a str>) -> Option<SystemTime> {
    header("date").filter(|_| header("age").is_none()).and_then(parse_http_date)
}

/// Returns the region in an AWS host name: `bucket.s3.eu-west-1.amazonaws.com`, or the older `s3-eu-west-1`.
fn region_of_host(host: &str) -> Option<String> {
    let (before, _) = host.split_once(".amazonaws.")?;
    let (front, last) = before.rsplit_once('.').unwrap_or(("", before));
    let region = match last.strip_prefix("s3-") {
        Some(region) => region,
        None if front == "s3" || front.ends_with(".s3") => last,
        None => return None,
    };
    (!region.is_empty()).then(|| region.to_owned())
}

/// Returns the region that a message names: `the region 'a' is wrong; expecting 'b'`, or `The b location constraint is
/// incompatible for the region specific endpoint this request was sent to.`
fn region_of_message(code: &str, message: &str) -> Option<String> {
    let region = match code {
        "AuthorizationHeaderMalformed" => message.split_once("expecting '")?.1.split_once('\'')?.0,
        "IllegalLocationConstraintException" => message.strip_prefix("The ")?.split_once(" location constraint")?.0,
        _ => return None,
    };
    (!region.is_empty() && region != "unspecified").then(|| region.to_owned())
}

pub(super) fn is_html(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|value| value.to_ascii_lowercase().starts_with("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_of_an_endpoint() {
        for (host, region) in [
            ("cache.s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("a.b.s3-us-west-2.amazonaws.com", Some("us-west-2")),
            ("cache.s3.amazonaws.com", None),
            ("s3.amazonaws.com", None),
            ("x.eu-west-1.amazonaws.com", None),
            ("s3.example.com", None),
        ] {
            assert_eq!(region_of_host(host).as_deref(), region, "{host}");
        }
    }

    #[test]
    fn the_region_of_a_message() {
        let malformed = "AuthorizationHeaderMalformed";
        let location = "IllegalLocationConstraintException";
        for (code, message, region) in [
            (
                malformed,
                "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'fr-par'",
                "fr-par",
            ),
            (
                malformed,
                "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
                "",
            ),
            (malformed, "expecting ''", ""),
            (
                location,
                "The me-south-1 location constraint is incompatible for the region specific endpoint",
                "me-south-1",
            ),
            (location, "The unspecified location constraint is incompatible", ""),
            ("AccessDenied", "expecting 'fr-par'", ""),
        ] {
            assert_eq!(region_of_message(code, message).unwrap_or_default(), region, "{message}");
        }
    }

    #[test]
    fn which_responses_are_retried() {
        use AttemptFailure::{Permanent, Throttled, Transient};
        let (transient, throttled) = (Transient { retry_after: None }, Throttled { retry_after: None });
        for (status, code, failure) in [
            (500, "", transient),
            (502, "", transient),
            (503, "", transient),
            (504, "", transient),
            (522, "", transient),
            (408, "", transient),
            (500, "InternalError", transient),
            (400, "RequestTimeout", transient),
            (409, "OperationAborted", transient),
            (409, "ConditionalRequestConflict", transient),
            (200, "InternalError", transient),
            (200, "", transient),
            (503, "SlowDown", throttled),
            (429, "", throttled),
            (429, "TooManyRequests", throttled),
            (400, "ThrottlingException", throttled),
            (400, "ProvisionedThroughputExceededException", throttled),
            (200, "SlowDown", throttled),
            (400, "KMS.ThrottlingException", throttled),
            (400, "KMS.LimitExceededException", throttled),
            (400, "KMS.DependencyTimeoutException", transient),
            (400, "KMS.KMSInternalException", transient),
            (400, "KMS.DisabledException", Permanent),
            (400, "KMS.KMSInvalidStateException", Permanent),
            (400, "", Permanent),
            (401, "", Permanent),
            (403, "AccessDenied", Permanent),
            (404, "NoSuchKey", Permanent),
            (405, "", Permanent),
            (409, "BucketAlreadyExists", Permanent),
            (411, "MissingContentLength", Permanent),
            (412, "PreconditionFailed", Permanent),
            (416, "InvalidRange", Permanent),
            (501, "NotImplemented", Permanent),
            (507, "InsufficientStorage", Permanent),
            (301, "PermanentRedirect", Permanent),
        ] {
            let code = Some(code.to_owned()).filter(|code| !code.is_empty());
            let answer = Answer { status, code, ..Answer::default() };
            assert_eq!(answer.failure(), failure, "{answer:?}");
        }
        let page = Answer { status: 200, foreign: true, ..Answer::default() };
        assert_eq!(page.failure(), Permanent);
    }
}
