//! `CompleteMultipartUpload`, which creates the object from its parts.

use std::fmt::Write;
use std::time::Duration;

use crate::base::{Element, Result, S3ErrorClass};
use crate::http::{Method, Response};
use crate::object::{BytesPayload, PutMode, Version};
use crate::s3::answer::{Answer, Cause};
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::s3::conditions;
use crate::s3::copy_object::MAX_REPLY_BYTES;
use crate::s3::create_multipart_upload::UploadName;
use crate::s3::object_meta::version_in_document;
use crate::s3::upload_part::UploadedPart;

/// The server assembles up to ten thousand parts, and some servers send nothing meanwhile.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// An object that is older than the upload by more than this is not its result. Objects have times in whole seconds,
/// and an object uploaded in parts has the time at which the upload began.
const AGE_TOLERANCE: Duration = Duration::from_secs(60);

/// An object that was created from its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Completed {
    pub(super) version: Option<Version>,
    /// False if the server did not confirm it, but the object exists. Parts of the upload may remain.
    pub(super) confirmed: bool,
}

/// The expected object, to recognize it if the response is lost.
#[derive(Clone, Debug)]
pub(super) struct Expected<'a> {
    pub(super) size: u64,
    /// How long ago the upload began.
    pub(super) begun: Duration,
    /// The condition under which it is created.
    pub(super) mode: &'a PutMode,
}

impl S3Client {
    /// Creates the object from its parts, given in order. If the result is unclear, checks whether the object exists,
    /// unless there is a condition: then an object of that size may be another writer's.
    pub(super) fn complete_multipart_upload(
        &self,
        upload: &UploadName,
        parts: &[UploadedPart],
        expected: &Expected<'_>,
    ) -> Result<Completed> {
        let body = BytesPayload::new(document(parts).into_bytes());
        let query = [("uploadId", upload.id.as_str())];
        let mut call = Call::new("CompleteMultipartUpload", Method::Post, Some(&upload.key));
        call.query = &query;
        call.headers.push(("content-type".to_owned(), "application/xml".to_owned()));
        call.headers.extend(conditions::header(expected.mode));
        call.body = Some(&body);
        call.answer_timeout = COMPLETE_TIMEOUT;
        let failed = match self.execute(&call, completed) {
            Ok(version) => return Ok(Completed { version, confirmed: true }),
            Err(failed) => failed,
        };
        if conditions::is_unmet(expected.mode, &failed.cause) {
            return Err(self.explain_as(S3ErrorClass::PreconditionFailed, &call, failed));
        }
        if *expected.mode == PutMode::Overwrite
            && is_ambiguous(&failed.cause)
            && let Ok(Some(head)) = self.head_object(&upload.key)
            && head.size == expected.size
            && head.age.is_none_or(|age| age <= expected.begun + AGE_TOLERANCE)
        {
            log::info!("{} was completed, although the store did not confirm it", upload.key);
            return Ok(Completed { version: head.version, confirmed: false });
        }
        Err(self.explain(&call, failed))
    }
}

/// Returns whether the object may exist despite the failure.
fn is_ambiguous(cause: &Cause) -> bool {
    match cause {
        Cause::Own(_) => false,
        Cause::NoAnswer(_) => true,
        // The upload no longer exists: an attempt whose response was lost has completed it.
        Cause::Refused(answer) => answer.has_code(&["NoSuchUpload"]) || matches!(answer.status, 200..300 | 500..),
    }
}

fn document(parts: &[UploadedPart]) -> String {
    let mut document = String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for UploadedPart { number, etag, sha256 } in parts {
        let etag = escaped(etag);
        let _ = write!(document, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>");
        if let Some(sha256) = sha256 {
            let _ = write!(document, "<ChecksumSHA256>{sha256}</ChecksumSHA256>");
        }
        document.push_str("</Part>");
    }
    document.push_str("</CompleteMultipartUpload>");
    document
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The server sends status 200 before it knows the result, then white space, then the result or an error.
fn completed(mut response: Response) -> std::result::Result<Option<Version>, Cause> {
    let body = response.read(MAX_REPLY_BYTES).map_err(Cause::NoAnswer)?;
    match Element::parse(&body) {
        Ok(reply) if reply.name == "CompleteMultipartUploadResult" => {
            Ok(reply.child_text("ETag").map(version_in_document))
        }
        Ok(_) => Err(Answer::failed(&response, &body)),
        Err(_) => Err(Answer::no_document(&response, &body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_returned_unchanged() {
        let part = |number, etag: &str, sha256: Option<&str>| {
            let (etag, sha256) = (etag.to_owned(), sha256.map(str::to_owned));
            UploadedPart { number, etag, sha256 }
        };
        let document = document(&[part(1, "\"a&b\"", None), part(2, "W/<c>", Some("d+/="))]);
        let root = Element::parse(document.as_bytes()).unwrap();
        let parts: Vec<_> =
            root.children.iter().map(|part| (part.child_text("PartNumber"), part.child_text("ETag"))).collect();
        assert_eq!(parts, [(Some("1"), Some("\"a&b\"")), (Some("2"), Some("W/<c>"))]);
        assert_eq!(
            root.children.iter().filter_map(|part| part.child_text("ChecksumSHA256")).collect::<Vec<_>>(),
            ["d+/="]
        );
    }
}
