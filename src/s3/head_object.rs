//! `HeadObject`.

use std::time::SystemTime;

use crate::base::Result;
use crate::http::{Method, Response};
use crate::object::ObjectMeta;
use crate::s3::answer::{Answer, Cause};
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::s3::content_range::ContentRange;
use crate::s3::object_meta::object_meta;

impl S3Client {
    /// Returns `None` if the object does not exist. A refused HEAD has no body, so a one-byte GET asks for the reason.
    pub(crate) fn head_object(&self, key: &str) -> Result<Option<ObjectMeta>> {
        let call = Call::new("HeadObject", Method::Head, Some(key));
        let failed = match self.execute(&call, |response| self.meta(&response, response.content_length())) {
            Ok(head) => return Ok(Some(head)),
            Err(failed) => failed,
        };
        match &failed.cause {
            Cause::Refused(answer) if answer.is_not_found() => Ok(None),
            Cause::Refused(answer) if answer.code.is_none() => self.probe_object(key),
            _ => Err(self.explain(&call, failed)),
        }
    }

    fn probe_object(&self, key: &str) -> Result<Option<ObjectMeta>> {
        let mut call = Call::new("HeadObject", Method::Get, Some(key));
        call.headers.push(("range".to_owned(), "bytes=0-0".to_owned()));
        let total = |response: &Response| match response.header("content-range") {
            Some(range) => ContentRange::parse(range)?.total,
            None => response.content_length(),
        };
        match self.execute(&call, |response| self.meta(&response, total(&response))) {
            Ok(head) => Ok(Some(head)),
            Err(failed) => match &failed.cause {
                Cause::Refused(answer) if answer.is_not_found() => Ok(None),
                // No first byte: the object exists and is empty.
                Cause::Refused(answer) if answer.status == 416 => Ok(Some(ObjectMeta::new(0))),
                _ => Err(self.explain(&call, failed)),
            },
        }
    }

    fn meta(&self, response: &Response, size: Option<u64>) -> std::result::Result<ObjectMeta, Cause> {
        let Some(size) = size else { return Err(not_s3(response)) };
        Ok(object_meta(size, |name| response.header(name), self.server_time(response)))
    }

    /// Returns the time by the server's clock, or by ours if the response does not contain it.
    pub(super) fn server_time(&self, response: &Response) -> SystemTime {
        Answer::date_of(response).unwrap_or_else(|| self.now())
    }
}

/// A success response that no S3 server would send.
pub(super) fn not_s3(response: &Response) -> Cause {
    Cause::Refused(Box::new(Answer::foreign(response)))
}
