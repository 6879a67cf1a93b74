//! S3 errors: status, code, message, and the elements that S3 adds to some of them.

use super::http::Response;
use super::text::{xml, xml_escape};

/// An S3 error. Its status may be 200, because that is how S3 reports a failed copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The S3 error code, as in `<Code>`.
    pub(crate) code: String,
    message: String,
    details: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Failure {
    pub(crate) fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.into(), message: message.into(), details: Vec::new(), headers: Vec::new() }
    }

    /// Adds an element next to the message, such as `<Region>`.
    pub(crate) fn detail(mut self, name: &str, text: &str) -> Self {
        self.details.push((name.into(), text.into()));
        self
    }

    /// Adds a header to the response.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let details: String = self.details.iter().map(|(name, text)| xml(name, text)).collect();
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>{details}\
             <RequestId>{request_id}</RequestId><HostId>host</HostId></Error>",
            xml_escape(&self.code),
            xml_escape(&self.message)
        );
        let mut response = Response::new(self.status).with("content-type", "application/xml");
        response.headers.extend(self.headers);
        response.body = body.into_bytes();
        response
    }
}

pub(crate) fn access_denied() -> Failure {
    Failure::new(403, "AccessDenied", "Access Denied")
}

pub(crate) fn not_implemented(what: &str) -> Failure {
    Failure::new(501, "NotImplemented", "A header or parameter you provided implies functionality that is not there")
        .detail("Header", what)
}

pub(crate) fn invalid_argument(message: &str) -> Failure {
    Failure::new(400, "InvalidArgument", message)
}

pub(crate) fn no_such_key(key: &str) -> Failure {
    Failure::new(404, "NoSuchKey", "The specified key does not exist.").detail("Key", key)
}

pub(crate) fn no_such_bucket(bucket: &str) -> Failure {
    Failure::new(404, "NoSuchBucket", "The specified bucket does not exist").detail("BucketName", bucket)
}

pub(crate) fn precondition_failed(condition: &str) -> Failure {
    Failure::new(412, "PreconditionFailed", "At least one of the preconditions you specified did not hold")
        .detail("Condition", condition)
}
