//! A multipart upload in progress: its parts, its completion, and its abort if it fails.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::base::{Error, Result, Unpoisoned as _, sort};
use crate::object::{MultipartUpload, Payload, PutMode, Version};
use crate::s3::client::S3Client;
use crate::s3::complete_multipart_upload::Expected;
use crate::s3::create_multipart_upload::UploadName;
use crate::s3::upload_part::UploadedPart;
use crate::s3::upload_part_copy::CopySource;

/// A multipart upload in progress.
pub(super) struct S3Upload<'a> {
    client: &'a S3Client,
    current: Mutex<Current>,
    size: u64,
    mode: PutMode,
    begun: Duration,
    completed: AtomicBool,
}

/// The state of the upload in the store.
struct Current {
    name: Arc<UploadName>,
    /// In order of arrival.
    parts: Vec<UploadedPart>,
    /// Uploads begun without the checksums that the store requires. Parts may still be in transit to them.
    abandoned: Vec<Arc<UploadName>>,
}

impl<'a> S3Upload<'a> {
    /// Begins an upload of `size` bytes that will be sent.
    pub(super) fn begin(client: &'a S3Client, key: &str, size: u64, mode: &PutMode) -> Result<Self> {
        let begun = client.monotonic();
        let name = client.create_multipart_upload(key)?;
        Ok(Self::new(client, name, begun, (size, mode)))
    }

    /// Begins an upload of `size` bytes that will be copied.
    pub(super) fn begin_copy(client: &'a S3Client, key: &str, size: u64) -> Result<Self> {
        let begun = client.monotonic();
        let name = client.create_multipart_copy(key)?;
        Ok(Self::new(client, name, begun, (size, &PutMode::Overwrite)))
    }

    fn new(client: &'a S3Client, name: UploadName, begun: Duration, (size, mode): (u64, &PutMode)) -> Self {
        let current = Current { name: Arc::new(name), parts: Vec::new(), abandoned: Vec::new() };
        Self {
            client,
            current: Mutex::new(current),
            size,
            mode: mode.clone(),
            begun,
            completed: AtomicBool::new(false),
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unpoisoned()
    }

    /// Adds a part of that upload. Returns false if the upload is no longer the current one.
    fn add(&self, name: &Arc<UploadName>, part: UploadedPart) -> bool {
        let mut current = self.current();
        if !Arc::ptr_eq(&current.name, name) {
            return false;
        }
        current.parts.retain(|have| have.number != part.number);
        current.parts.push(part);
        true
    }

    /// Begins the upload again with checksums, unless another part already has.
    fn begin_again(&self, name: &Arc<UploadName>) -> Result<()> {
        let mut current = self.current();
        if !Arc::ptr_eq(&current.name, name) {
            return Ok(());
        }
        let again = current.parts.is_empty().then(|| self.client.create_multipart_upload(&name.key)).transpose()?;
        let Some(again) = again.filter(|again| again.checksums) else {
            let message = format!("the store began to require checksums while {} was uploaded", name.key);
            return Err(Error::conflict(message).with_hint("run the command again"));
        };
        let old = std::mem::replace(&mut current.name, Arc::new(again));
        current.abandoned.push(old);
        Ok(())
    }

    fn abort(&self, name: &UploadName) {
        if let Err(error) = self.client.abort_multipart_upload(&name.key, &name.id) {
            log::warn!("parts of {} are left in the store until a lifecycle rule removes them: {error}", name.key);
        }
    }
}

impl MultipartUpload for S3Upload<'_> {
    fn put_part(&self, number: u32, _: u64, payload: &dyn Payload) -> Result<()> {
        loop {
            let name = Arc::clone(&self.current().name);
            match self.client.upload_part(&name, number, payload)? {
                None => self.begin_again(&name)?,
                // The upload may have been begun again meanwhile, without this part.
                Some(part) => {
                    if self.add(&name, part) {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn copy_part(&self, number: u32, _: u64, source: &str, range: Range<u64>) -> Result<()> {
        let source = CopySource { key: source, range };
        let name = Arc::clone(&self.current().name);
        let part = self.client.upload_part_copy(&name, number, &source)?;
        self.add(&name, part);
        Ok(())
    }

    fn complete(&self) -> Result<Option<Version>> {
        let current = self.current();
        let (name, mut parts) = (Arc::clone(&current.name), current.parts.clone());
        drop(current);
        sort::sort_by_key(&mut parts, |part| part.number);
        let begun = self.client.monotonic().saturating_sub(self.begun);
        let expected = Expected { size: self.size, begun, mode: &self.mode };
        let completed = self.client.complete_multipart_upload(&name, &parts, &expected)?;
        // An object that was merely found may be another writer's, so the parts of this upload are removed in any case.
        self.completed.store(completed.confirmed, Ordering::Relaxed);
        Ok(completed.version)
    }
}

impl Drop for S3Upload<'_> {
    fn drop(&mut self) {
        let mut current = self.current();
        let mut unwanted = std::mem::take(&mut current.abandoned);
        if !self.completed.load(Ordering::Relaxed) {
            unwanted.push(Arc::clone(&current.name));
        }
        drop(current);
        unwanted.iter().for_each(|name| self.abort(name));
    }
}
