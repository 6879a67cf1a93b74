//! `UploadPart`.

use crate::base::Result;
use crate::http::{Method, Response};
use crate::object::Payload;
use crate::s3::answer::{Cause, read_empty};
use crate::s3::call::Call;
use crate::s3::checksum::Checksum;
use crate::s3::client::S3Client;
use crate::s3::create_multipart_upload::UploadName;
use crate::s3::head_object::not_s3;

/// An uploaded part, as named when the upload is completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UploadedPart {
    pub(crate) number: u32,
    pub(crate) etag: String,
    /// The SHA-256 in base64, if the upload has checksums.
    pub(crate) sha256: Option<String>,
}

impl S3Client {
    /// Writes one part, numbered from one. Returns `None` if the server requires a checksum and the upload was begun
    /// without.
    pub(super) fn upload_part(
        &self,
        upload: &UploadName,
        number: u32,
        payload: &dyn Payload,
    ) -> Result<Option<UploadedPart>> {
        let text = number.to_string();
        let query = [("partNumber", text.as_str()), ("uploadId", &upload.id)];
        let mut call = Call::new("UploadPart", Method::Put, Some(&upload.key));
        call.query = &query;
        call.body = Some(payload);
        call.checksum = if upload.checksums { Checksum::Always } else { Checksum::Never };
        call.may_be_unsigned = true;
        match self.execute(&call, uploaded) {
            Ok(etag) => {
                // It was computed for the request, so this does not fail.
                let sha256 = if upload.checksums { payload.sha256().ok().map(|sha256| sha256.base64()) } else { None };
                Ok(Some(UploadedPart { number, etag, sha256 }))
            }
            Err(failed) => match &failed.cause {
                Cause::Refused(answer) if answer.wants_checksum() && !upload.checksums => Ok(None),
                _ => Err(self.explain(&call, failed)),
            },
        }
    }
}

fn uploaded(mut response: Response) -> std::result::Result<String, Cause> {
    read_empty(&mut response)?;
    response.header("etag").map(str::to_owned).ok_or_else(|| not_s3(&response))
}
