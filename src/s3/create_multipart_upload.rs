//! `CreateMultipartUpload`.

use crate::base::{Element, Result, S3ErrorClass};
use crate::http::{Method, OnStop, Response};
use crate::s3::answer::{Answer, Cause};
use crate::s3::call::Call;
use crate::s3::checksum::Checksum;
use crate::s3::client::S3Client;
use crate::s3::copy_object::MAX_REPLY_BYTES;
use crate::s3::put_object::CONTENT_TYPE;

/// The name of a multipart upload in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UploadName {
    pub(crate) key: String,
    /// The server's name for the upload: any characters.
    pub(crate) id: String,
    /// Whether it was begun with a checksum algorithm: then every part needs a checksum, otherwise no part may have
    /// one.
    pub(crate) checksums: bool,
}

impl S3Client {
    /// Begins a multipart upload, with checksums if the server is known to require them. If a response is lost, the
    /// retry leaves behind an empty upload with an unknown ID.
    ///
    /// # Errors
    /// Of class [`Unsupported`](S3ErrorClass::Unsupported) if the server does not support the operation.
    pub(super) fn create_multipart_upload(&self, key: &str) -> Result<UploadName> {
        let checksums = self.learnt.wants_checksums.get();
        self.begin_upload(key, checksums)
    }

    /// Same, for an upload whose parts are copies: no checksums, because the server has them.
    pub(super) fn create_multipart_copy(&self, key: &str) -> Result<UploadName> {
        self.begin_upload(key, false)
    }

    fn begin_upload(&self, key: &str, checksums: bool) -> Result<UploadName> {
        let mut call = Call::new("CreateMultipartUpload", Method::Post, Some(key));
        call.query = &[("uploads", "")];
        call.on_stop = OnStop::Linger;
        call.headers.push(("content-type".to_owned(), CONTENT_TYPE.to_owned()));
        call.headers.extend(self.parts.write_headers.iter().cloned());
        call.checksum = if checksums { Checksum::Always } else { Checksum::Never };
        match self.execute(&call, created) {
            Ok(id) => {
                // The server permits writes, so bodies are sent without `Expect`.
                self.learnt.accepts_bodies.set(true);
                Ok(UploadName { key: key.to_owned(), id, checksums })
            }
            Err(failed) => match &failed.cause {
                Cause::Refused(answer) if answer.is_unsupported() => {
                    Err(self.explain_as(S3ErrorClass::Unsupported, &call, failed))
                }
                Cause::Refused(answer) if answer.wants_checksum() && !checksums => self.begin_upload(key, true),
                _ => Err(self.explain(&call, failed)),
            },
        }
    }
}

fn created(mut response: Response) -> std::result::Result<String, Cause> {
    let body = response.read(MAX_REPLY_BYTES).map_err(Cause::NoAnswer)?;
    let Ok(reply) = Element::parse(&body) else { return Err(Answer::no_document(&response, &body)) };
    match reply.child("UploadId").filter(|id| reply.name == "InitiateMultipartUploadResult" && !id.text.is_empty()) {
        Some(id) => Ok(id.text.clone()),
        None => Err(Cause::Refused(Box::new(Answer::new(&response, &body)))),
    }
}
