//! The object store contract, implemented with the S3 client.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::{Error, Parts, Payload, Problem, Result};
use crate::s3::{Client, Completed, Copied, CopySource, Expected, Head, PartCopied, UploadName, UploadedPart};
use crate::store::{GetOptions, ListPage, Object, ObjectMeta, ObjectStore, PartsUpload, Touch};

/// The maximum size of a copied part, although S3 allows 5 GiB: the response arrives only after the copy is done.
const MAX_COPIED_PART: u64 = 1024 * 1024 * 1024;

/// A bucket on an S3 server.
#[derive(Debug)]
pub(crate) struct S3Store {
    client: Client,
    max_copy_bytes: u64,
    /// Whether the server has failed to support a part copy.
    copies_no_parts: AtomicBool,
}

impl S3Store {
    /// Objects of more than `max_copy_bytes` are copied in parts.
    pub(super) fn new(client: Client, max_copy_bytes: u64) -> Self {
        Self { client, max_copy_bytes, copies_no_parts: AtomicBool::new(false) }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    fn upload(&self, name: UploadName, size: u64, begun: Duration) -> Upload<'_> {
        let current = Current { name: Arc::new(name), parts: Vec::new(), abandoned: Vec::new() };
        Upload { client: &self.client, current: Mutex::new(current), size, begun, completed: false }
    }

    fn touch_in_parts(&self, key: &str, size: u64) -> Result<Touch> {
        let begun = self.client.monotonic();
        let Some(name) = self.client.create_multipart_copy(key)? else { return Ok(Touch::Unsupported) };
        let upload = self.upload(name, size, begun);
        for (number, range) in Parts::of(size, self.max_copy_bytes.min(MAX_COPIED_PART)).numbered() {
            match upload.copy_part(number, range.start, key, range)? {
                Touch::Done => {}
                other => return Ok(other),
            }
        }
        Box::new(upload).complete().map(|()| Touch::Done)
    }

    /// Touches an object that is too large for a single copy request in S3.
    fn touch_large(&self, key: &str, size: u64) -> Result<Touch> {
        if !self.copies_no_parts.load(Ordering::Relaxed) {
            match self.touch_in_parts(key, size)? {
                Touch::Unsupported => self.copies_no_parts.store(true, Ordering::Relaxed),
                other => return Ok(other),
            }
        }
        // Stores without part copies may have no limit on copies, as in Google's.
        match self.client.touch_object(key) {
            Ok(copied) => Ok(copied.into()),
            Err(Error::S3(refusal)) if refusal.status.is_some_and(|status| matches!(status, 400 | 405 | 413 | 501)) => {
                Ok(Touch::Unsupported)
            }
            Err(error) => Err(error),
        }
    }
}

impl ObjectStore for S3Store {
    fn location(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.client.bucket())
    }

    fn probe(&self) -> Result<()> {
        self.client.probe_bucket()
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        Ok(self.client.head_object(key)?.map(ObjectMeta::from))
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        let opened = self.client.get_object(key, options.range.as_ref(), options.if_match.as_deref())?;
        Ok(opened.map(|object| Object { whole: object.whole, ..Object::new(object.size, object.etag, object.body) }))
    }

    fn put(&self, key: &str, payload: &dyn Payload) -> Result<()> {
        self.client.put_object(key, payload)
    }

    fn put_in_parts<'a>(&'a self, key: &str, size: u64) -> Result<Option<Box<dyn PartsUpload + 'a>>> {
        let begun = self.client.monotonic();
        let name = self.client.create_multipart_upload(key)?;
        Ok(name.map(|name| Box::new(self.upload(name, size, begun)) as Box<dyn PartsUpload>))
    }

    fn touch(&self, key: &str, meta: &ObjectMeta) -> Result<Touch> {
        if meta.size > self.max_copy_bytes {
            return self.touch_large(key, meta.size);
        }
        self.client.touch_object(key).map(Touch::from)
    }

    fn list(&self, prefix: &str, continuation: Option<&str>) -> Result<ListPage> {
        let page = self.client.list_objects(prefix, continuation)?;
        let objects = page.objects.into_iter().map(|(key, head)| (key, head.into())).collect();
        Ok(ListPage { objects, continuation: page.continuation, incomplete: page.incomplete })
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.client.delete_object(key)
    }

    fn requests(&self) -> u64 {
        self.client.requests()
    }
}

/// A multipart upload under way.
struct Upload<'a> {
    client: &'a Client,
    current: Mutex<Current>,
    size: u64,
    begun: Duration,
    completed: bool,
}

/// The state of the upload in the store.
struct Current {
    name: Arc<UploadName>,
    /// In order of arrival.
    parts: Vec<UploadedPart>,
    /// Uploads begun without the checksums that the store requires. Parts may still be in transit to them.
    abandoned: Vec<Arc<UploadName>>,
}

impl Upload<'_> {
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
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
        let again = if current.parts.is_empty() { self.client.create_multipart_upload(&name.key)? } else { None };
        let Some(again) = again.filter(|again| again.checksums) else {
            let message = format!("the store began to require checksums while {} was uploaded", name.key);
            return Err(Error::Conflict(Problem::new(message).hint("run the command again")));
        };
        let old = std::mem::replace(&mut current.name, Arc::new(again));
        current.abandoned.push(old);
        Ok(())
    }

    fn abort(&self, name: &UploadName) {
        if let Err(error) = self.client.abort_multipart_upload(name) {
            log::warn!("parts of {} are left in the store until a lifecycle rule removes them: {error}", name.key);
        }
    }
}

impl PartsUpload for Upload<'_> {
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

    fn copy_part(&self, number: u32, _: u64, source: &str, range: Range<u64>) -> Result<Touch> {
        let source = CopySource { key: source, range };
        let name = Arc::clone(&self.current().name);
        Ok(match self.client.upload_part_copy(&name, number, &source)? {
            PartCopied::Done(etag) => {
                self.add(&name, UploadedPart { number, etag, sha256: None });
                Touch::Done
            }
            PartCopied::NotFound => Touch::Gone,
            PartCopied::Unsupported => Touch::Unsupported,
        })
    }

    fn complete(mut self: Box<Self>) -> Result<()> {
        let current = self.current.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (name, mut parts) = (Arc::clone(&current.name), std::mem::take(&mut current.parts));
        parts.sort_unstable_by_key(|part| part.number);
        let begun = self.client.monotonic().saturating_sub(self.begun);
        let expected = Expected { size: self.size, begun };
        // An object that was merely found may be another writer's, so the parts of this upload are removed in any case.
        self.completed = self.client.complete_multipart_upload(&name, &parts, expected)? == Completed::Yes;
        Ok(())
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        let mut current = self.current();
        let mut unwanted = std::mem::take(&mut current.abandoned);
        if !self.completed {
            unwanted.push(Arc::clone(&current.name));
        }
        drop(current);
        unwanted.iter().for_each(|name| self.abort(name));
    }
}

impl From<Copied> for Touch {
    fn from(copied: Copied) -> Self {
        match copied {
            Copied::Done => Self::Done,
            Copied::NotFound => Self::Gone,
        }
    }
}

impl From<Head> for ObjectMeta {
    fn from(head: Head) -> Self {
        Self { size: head.size, age: head.age, readable: head.readable }
    }
}
