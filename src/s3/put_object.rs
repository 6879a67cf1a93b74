//! `PutObject`.

use crate::base::{Payload, Result};
use crate::http::Method;
use crate::s3::answer::{Cause, is_html};
use crate::s3::client::{Call, Client};
use crate::s3::head_object::not_s3;

pub(super) const CONTENT_TYPE: &str = "application/octet-stream";

impl Client {
    /// Writes an object whole, or not at all. Repeating it is harmless: the bytes are the same.
    pub(crate) fn put_object(&self, key: &str, payload: &dyn Payload) -> Result<()> {
        let mut call = Call::new("PutObject", Method::Put, Some(key));
        call.headers.push(("content-type".to_owned(), CONTENT_TYPE.to_owned()));
        call.headers.extend(self.parts.write_headers.iter().cloned());
        call.body = Some(payload);
        let written = self.execute(&call, |mut response| {
            // Empty, and read so that the connection can serve the next request. Swift calls its nothing HTML.
            let body = response.read(1024).map_err(Cause::NoAnswer)?;
            if is_html(response.header("content-type")) && !body.is_empty() {
                return Err(not_s3(&response));
            }
            Ok(())
        });
        written.map_err(|failed| self.explain(&call, failed))
    }
}
