//! `DeleteObject`.

use crate::base::{Result, S3ErrorClass};
use crate::http::{Method, OnStop};
use crate::object::Version;
use crate::s3::answer::{Cause, read_empty};
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::s3::conditions::if_match;

impl S3Client {
    /// Deletes an object, even after the operation was cancelled, because it cleans up after a probe. Deleting a
    /// missing object succeeds.
    pub(super) fn delete_object(&self, key: &str) -> Result<()> {
        let mut call = Call::new("DeleteObject", Method::Delete, Some(key));
        call.on_stop = OnStop::CleanUp;
        match self.execute(&call, |mut response| read_empty(&mut response)) {
            Ok(()) => Ok(()),
            Err(failed) => match &failed.cause {
                Cause::Refused(answer) if answer.is_not_found() => Ok(()),
                _ => Err(self.explain(&call, failed)),
            },
        }
    }

    /// Deletes an object with one request. With a version, only if the object still has it.
    pub(super) fn delete_object_once(&self, key: &str, version: Option<&Version>) -> Result<()> {
        let mut call = Call::new("DeleteObject", Method::Delete, Some(key));
        call.once = true;
        call.headers.extend(version.map(if_match));
        self.delete_under(&call, key)
    }

    /// Deletes an object if it still has this version. Deleting a missing object succeeds, so a retry after a lost
    /// response does too.
    pub(super) fn delete_object_if(&self, key: &str, version: &Version) -> Result<()> {
        let mut call = Call::new("DeleteObject", Method::Delete, Some(key));
        call.headers.push(if_match(version));
        self.delete_under(&call, key)
    }

    /// Sends a deletion that may have a condition.
    fn delete_under(&self, call: &Call<'_>, key: &str) -> Result<()> {
        let failed = match self.execute(call, |mut response| read_empty(&mut response)) {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        match &failed.cause {
            Cause::Refused(answer) if answer.is_not_found() => Ok(()),
            Cause::Refused(answer) if answer.is_unmet_condition() => match self.head_object(key) {
                // Some stores report a missing object as a failed condition.
                Ok(None) => Ok(()),
                _ => Err(self.explain_as(S3ErrorClass::PreconditionFailed, call, failed)),
            },
            _ => Err(self.explain(call, failed)),
        }
    }
}
