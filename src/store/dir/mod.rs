//! A plain directory as an object store: `<root>/<bucket>/<key>`, for trials without a server, caches on a network file
//! system, and tests.
//!
//! It follows S3's contract as far as files can: an object appears completely or not at all, and is stored only if its
//! bytes match the announced size and digest.
//!
//! Conditional writes and deletions hold an exclusive lock on the file `.s3-build-cache.lock` in the root while they
//! compare the version and rename or remove the file; all others hold a shared one while they do the latter. So they are
//! atomic among all processes that use this crate, on file systems with locks. Where there are none, they are
//! [`Unsupported`](crate::ErrorKind::Unsupported).

mod bucket;
mod copy;
mod delete;
mod key;
mod list;
mod lock;
mod parts;
mod read;
mod uploads;
mod write;

use std::time::SystemTime;

use crate::base::Result;
use crate::files::OpenedFile;
use crate::object::{
    GetOptions, ListOptions, ListPage, ListedObject, MultipartUpload, Object, ObjectMeta, ObjectStore, Payload,
    PutMode, UnfinishedUpload, UploadsPage, Version,
};
use parts::DirUpload;

pub use bucket::DirStore;

impl ObjectStore for DirStore {
    fn location(&self, key: &str) -> String {
        self.bucket.join(key).display().to_string()
    }

    fn probe(&self) -> Result<()> {
        self.bucket_exists().map(drop)
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        Ok(self.open(key)?.map(|(OpenedFile { meta, .. }, _)| self.meta(&meta)))
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        self.read(key, options)
    }

    fn put(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>> {
        key::check(key)?;
        self.write(key, payload, mode).map(Some)
    }

    fn verifies_payloads(&self) -> bool {
        true
    }

    fn put_in_parts<'a>(&'a self, key: &str, size: u64, mode: &PutMode) -> Result<Box<dyn MultipartUpload + 'a>> {
        key::check(key)?;
        Ok(Box::new(DirUpload::begin(self, key, size, mode)?))
    }

    fn copy(&self, from: &str, to: &str, _: &ObjectMeta) -> Result<Option<Version>> {
        if from == to { self.refresh(from).map(Some) } else { self.copy_file(from, to).map(Some) }
    }

    fn list_page(&self, prefix: &str, options: &ListOptions) -> Result<ListPage> {
        let after = options.continuation.as_deref().or(options.start_after.as_deref());
        let limit = options.max_keys.map_or(self.page_keys, |max| self.page_keys.min(max as usize)).max(1);
        self.page(prefix, after, limit)
    }

    fn objects<'a>(
        &'a self,
        prefix: &'a str,
        start_after: Option<&'a str>,
    ) -> Box<dyn Iterator<Item = Result<ListedObject>> + Send + 'a> {
        self.all(prefix, start_after)
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.remove(key, None)
    }

    fn delete_if(&self, key: &str, version: &Version) -> Result<()> {
        self.remove(key, Some(version))
    }

    fn list_uploads_page(&self, prefix: &str, _: Option<&str>) -> Result<UploadsPage> {
        self.unfinished_uploads(prefix)
    }

    fn now(&self) -> Option<SystemTime> {
        Some(self.clock.now())
    }

    /// They are atomic, or refused where the file system has no locks.
    fn honours_conditions(&self) -> bool {
        true
    }

    fn abort_upload(&self, upload: &UnfinishedUpload) -> Result<()> {
        self.remove_upload(upload)
    }
}

#[cfg(test)]
mod tests;
