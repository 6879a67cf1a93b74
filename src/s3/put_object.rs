//! `PutObject`.

use std::io;

use crate::base::{Hasher, Result, S3ErrorClass};
use crate::http::{Method, Response};
use crate::object::{GetOptions, Payload, PutMode, Version};
use crate::s3::answer::{Cause, read_empty};
use crate::s3::call::Call;
use crate::s3::checksum::Checksum;
use crate::s3::client::S3Client;
use crate::s3::conditions;
use crate::s3::object_meta::version;

pub(super) const CONTENT_TYPE: &str = "application/octet-stream";

const CHUNK_BYTES: usize = 128 * 1024;

impl S3Client {
    /// Writes an object completely or not at all. Repeating it is harmless: the bytes are the same.
    ///
    /// If the response to a conditional write is lost, the retry may fail because the first attempt succeeded. A failed
    /// condition after a failed attempt is therefore a success if the object has the bytes of the payload.
    pub(super) fn put_object(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>> {
        let mut call = Call::new("PutObject", Method::Put, Some(key));
        call.headers.push(("content-type".to_owned(), CONTENT_TYPE.to_owned()));
        call.headers.extend(self.parts.write_headers.iter().cloned());
        call.headers.extend(conditions::header(mode));
        call.body = Some(payload);
        call.checksum = Checksum::WhenWanted;
        let failed = match self.execute(&call, written) {
            Ok(version) => return Ok(version),
            Err(failed) => failed,
        };
        if !conditions::is_unmet(mode, &failed.cause) {
            return Err(self.explain(&call, failed));
        }
        if failed.attempts > 1
            && let Some(version) = self.already_written(key, payload)
        {
            log::info!("{key} was written, although the store did not confirm it");
            return Ok(version);
        }
        Err(self.explain_as(S3ErrorClass::PreconditionFailed, &call, failed))
    }

    /// Returns the version of the object if it has the bytes of the payload.
    fn already_written(&self, key: &str, payload: &dyn Payload) -> Option<Option<Version>> {
        let mut object = self.get_object(key, &GetOptions::default()).ok()??;
        if object.size != payload.size() {
            return None;
        }
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            match object.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        (hasher.finish() == payload.sha256().ok()?).then_some(object.version)
    }
}

fn written(mut response: Response) -> std::result::Result<Option<Version>, Cause> {
    read_empty(&mut response)?;
    Ok(version(&response))
}
