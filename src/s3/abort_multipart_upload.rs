//! `AbortMultipartUpload`.

use std::time::Duration;

use crate::base::Result;
use crate::http::{Method, OnStop};
use crate::s3::answer::{Cause, read_empty};
use crate::s3::call::Call;
use crate::s3::client::S3Client;

/// Shorter than the time that a cancelled program has left.
const ABORT_TIMEOUT: Duration = Duration::from_secs(4);

impl S3Client {
    /// Aborts an upload, even after the operation was cancelled. An upload that no longer exists counts as aborted.
    pub(super) fn abort_multipart_upload(&self, key: &str, id: &str) -> Result<()> {
        let query = [("uploadId", id)];
        let mut call = Call::new("AbortMultipartUpload", Method::Delete, Some(key));
        call.query = &query;
        call.answer_timeout = ABORT_TIMEOUT;
        call.on_stop = OnStop::CleanUp;
        match self.execute(&call, |mut response| read_empty(&mut response)) {
            Ok(()) => Ok(()),
            Err(failed) => match &failed.cause {
                Cause::Refused(answer) if answer.status == 404 && !answer.foreign => Ok(()),
                _ => Err(self.explain(&call, failed)),
            },
        }
    }
}
