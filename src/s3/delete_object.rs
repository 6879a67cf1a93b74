//! `DeleteObject`.

use crate::base::Result;
use crate::http::{Method, OnStop};
use crate::s3::answer::{Cause, read_empty};
use crate::s3::client::{Call, Client};

impl Client {
    /// Deletes an object, even after the operation was cancelled, because it cleans up after a probe. Deleting a
    /// missing object succeeds.
    pub(crate) fn delete_object(&self, key: &str) -> Result<()> {
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
}
