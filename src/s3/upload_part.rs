//! `UploadPart`.

use crate::base::{Payload, Result};
use crate::http::{Method, Response};
use crate::s3::answer::{Cause, read_empty};
use crate::s3::client::{Call, Client};
use crate::s3::create_multipart_upload::UploadName;
use crate::s3::head_object::not_s3;

impl Client {
    /// Writes one part, numbered from one; its entity tag, as it is to be given back.
    pub(crate) fn upload_part(&self, upload: &UploadName, number: u32, payload: &dyn Payload) -> Result<String> {
        let number = number.to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", &upload.id)];
        let mut call = Call::new("UploadPart", Method::Put, Some(&upload.key));
        call.query = &query;
        call.body = Some(payload);
        self.execute(&call, uploaded).map_err(|failed| self.explain(&call, failed))
    }
}

fn uploaded(mut response: Response) -> std::result::Result<String, Cause> {
    read_empty(&mut response)?;
    response.header("etag").map(str::to_owned).ok_or_else(|| not_s3(&response))
}
