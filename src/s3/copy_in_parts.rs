//! Copies objects that are too large for a single request.

use crate::base::{Error, ErrorKind, Parts, Result};
use crate::object::{MultipartUpload, ObjectStore as _, Version};
use crate::s3::client::S3Client;
use crate::s3::multipart::S3Upload;

/// The maximum size of a copied part, although S3 allows 5 GiB: the response arrives only after the copy is done.
const MAX_COPIED_PART: u64 = 1024 * 1024 * 1024;

impl S3Client {
    /// Copies an object of `size` bytes, in parts if that takes several requests.
    pub(super) fn copy_sized(&self, from: &str, to: &str, size: u64) -> Result<Option<Version>> {
        if size <= self.parts.max_copy_bytes {
            return self.copy_object(from, to);
        }
        if !self.learnt.copies_no_parts.get() {
            match self.copy_in_parts(from, to, size) {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    self.learnt.copies_no_parts.set(true);
                }
                result => return result,
            }
        }
        // Stores without part copies may have no limit on copies, as in Google's.
        match self.copy_object(from, to) {
            Err(Error::S3(refusal)) if refusal.status.is_some_and(|status| matches!(status, 400 | 405 | 413 | 501)) => {
                let message = format!("{} is too large for a copy within the store", self.location(from));
                Err(Error::too_large(message).with_source(Error::S3(refusal)))
            }
            result => result,
        }
    }

    fn copy_in_parts(&self, from: &str, to: &str, size: u64) -> Result<Option<Version>> {
        let upload = S3Upload::begin_copy(self, to, size)?;
        for (number, range) in Parts::of(size, self.parts.max_copy_bytes.min(MAX_COPIED_PART)).numbered() {
            upload.copy_part(number, range.start, from, range)?;
        }
        upload.complete()
    }
}
