//! `UploadPartCopy`.

use std::ops::Range;

use crate::base::{Element, Result, S3ErrorClass};
use crate::http::{Method, Response};
use crate::s3::answer::{Answer, Cause};
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::s3::copy_object::{COPY_TIMEOUT, MAX_REPLY_BYTES};
use crate::s3::create_multipart_upload::UploadName;
use crate::s3::upload_part::UploadedPart;

/// The source of a part's bytes.
#[derive(Clone, Debug)]
pub(crate) struct CopySource<'a> {
    pub(crate) key: &'a str,
    /// Inside the object, and not empty.
    pub(crate) range: Range<u64>,
}

impl S3Client {
    /// Writes one part, numbered from one, from bytes that the server has.
    ///
    /// # Errors
    /// Of class [`Unsupported`](S3ErrorClass::Unsupported) if the server does not support the operation.
    pub(super) fn upload_part_copy(
        &self,
        upload: &UploadName,
        number: u32,
        source: &CopySource<'_>,
    ) -> Result<UploadedPart> {
        let text = number.to_string();
        let query = [("partNumber", text.as_str()), ("uploadId", &upload.id)];
        let mut call = Call::new("UploadPartCopy", Method::Put, Some(&upload.key));
        call.query = &query;
        let Range { start, end } = source.range;
        for (name, value) in [
            ("x-amz-copy-source", self.parts.endpoint.copy_source(source.key)),
            // Both ends are inclusive.
            ("x-amz-copy-source-range", format!("bytes={start}-{}", end.saturating_sub(1))),
        ] {
            call.headers.push((name.to_owned(), value));
        }
        call.headers.extend(self.parts.copy_headers.iter().cloned());
        call.base_keys = true;
        call.answer_timeout = COPY_TIMEOUT;
        match self.execute(&call, copied) {
            Ok(etag) => Ok(UploadedPart { number, etag, sha256: None }),
            Err(failed) => match &failed.cause {
                // Swift copies ranges, but not of objects that were uploaded in parts.
                Cause::Refused(answer) if answer.is_unsupported() || answer.has_code(&["InvalidRequest"]) => {
                    Err(self.explain_as(S3ErrorClass::Unsupported, &call, failed))
                }
                _ => Err(self.explain(&call, failed)),
            },
        }
    }
}

/// The copy can fail after the server has sent status 200: then the body is an error document, or empty.
fn copied(mut response: Response) -> std::result::Result<String, Cause> {
    let body = response.read(MAX_REPLY_BYTES).map_err(Cause::NoAnswer)?;
    let Ok(reply) = Element::parse(&body) else { return Err(Answer::no_document(&response, &body)) };
    let etag = reply.child_text("ETag").filter(|_| reply.name == "CopyPartResult");
    etag.map(str::to_owned).ok_or_else(|| Answer::failed(&response, &body))
}
