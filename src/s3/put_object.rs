//! `PutObject`.

use crate::base::{Payload, Result};
use crate::http::Method;
use crate::s3::answer::read_empty;
use crate::s3::checksum::Checksum;
use crate::s3::client::{Call, Client};

pub(super) const CONTENT_TYPE: &str = "application/octet-stream";

impl Client {
    /// Writes an object completely or not at all. Repeating it is harmless: the bytes are the same.
    pub(crate) fn put_object(&self, key: &str, payload: &dyn Payload) -> Result<()> {
        let mut call = Call::new("PutObject", Method::Put, Some(key));
        call.headers.push(("content-type".to_owned(), CONTENT_TYPE.to_owned()));
        call.headers.extend(self.parts.write_headers.iter().cloned());
        call.body = Some(payload);
        call.checksum = Checksum::WhenWanted;
        let written = self.execute(&call, |mut response| read_empty(&mut response));
        written.map_err(|failed| self.explain(&call, failed))
    }
}
