//! `HeadObject`.

use std::time::{Duration, SystemTime};

use crate::base::Result;
use crate::http::parse_http_date;
use crate::http::{Method, Response};
use crate::s3::answer::Cause;
use crate::s3::client::{Call, Client};
use crate::s3::content_range::ContentRange;

/// Metadata of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) size: u64,
    /// By the server's clock, if the server sends the time.
    pub(crate) age: Option<Duration>,
    /// False if the object is archived and not restored.
    pub(crate) readable: bool,
}

impl Head {
    /// Reads the metadata. `header` returns the trimmed value of a header; `now` is the time by the server's clock.
    pub(crate) fn parse<'a>(size: u64, header: impl Fn(&str) -> Option<&'a str>, now: SystemTime) -> Self {
        let modified = header("last-modified").and_then(parse_http_date);
        let age = modified.map(|modified| now.duration_since(modified).unwrap_or_default());
        let restored = header("x-amz-restore").is_some_and(|value| value.contains("ongoing-request=\"false\""));
        let archived = header("x-amz-storage-class").is_some_and(is_archive);
        Self { size, age, readable: !archived || restored }
    }
}

impl Client {
    /// Returns `None` if the object does not exist. A refused HEAD has no body, so a one-byte GET asks for the reason.
    pub(crate) fn head_object(&self, key: &str) -> Result<Option<Head>> {
        let call = Call::new("HeadObject", Method::Head, Some(key));
        let failed = match self.execute(&call, |response| self.head(&response, response.content_length())) {
            Ok(head) => return Ok(Some(head)),
            Err(failed) => failed,
        };
        match &failed.cause {
            Cause::Refused(answer) if answer.is_not_found() => Ok(None),
            Cause::Refused(answer) if answer.code.is_none() => self.probe_object(key),
            _ => Err(self.explain(&call, failed)),
        }
    }

    fn probe_object(&self, key: &str) -> Result<Option<Head>> {
        let mut call = Call::new("HeadObject", Method::Get, Some(key));
        call.headers.push(("range".to_owned(), "bytes=0-0".to_owned()));
        let total = |response: &Response| match response.header("content-range") {
            Some(range) => ContentRange::parse(range)?.total,
            None => response.content_length(),
        };
        match self.execute(&call, |response| self.head(&response, total(&response))) {
            Ok(head) => Ok(Some(head)),
            Err(failed) => match &failed.cause {
                Cause::Refused(answer) if answer.is_not_found() => Ok(None),
                // No first byte: the object exists and is empty.
                Cause::Refused(answer) if answer.status == 416 => Ok(Some(Head { size: 0, age: None, readable: true })),
                _ => Err(self.explain(&call, failed)),
            },
        }
    }

    fn head(&self, response: &Response, size: Option<u64>) -> std::result::Result<Head, Cause> {
        let Some(size) = size else { return Err(not_s3(response)) };
        Ok(Head::parse(size, |name| response.header(name), self.server_time(response)))
    }

    /// Returns the time by the server's clock, or by ours if the server does not send one.
    pub(super) fn server_time(&self, response: &Response) -> SystemTime {
        response.header("date").and_then(parse_http_date).unwrap_or_else(|| self.now())
    }
}

/// Returns whether objects of this storage class must be restored before they can be read.
pub(super) fn is_archive(storage_class: &str) -> bool {
    matches!(storage_class, "GLACIER" | "DEEP_ARCHIVE")
}

/// A success response that no S3 server would send.
pub(super) fn not_s3(response: &Response) -> Cause {
    Cause::Refused(Box::new(crate::s3::answer::Answer::foreign(response)))
}
