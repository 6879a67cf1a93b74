//! The object store contract over the S3 client.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::{Error, Parts, Payload, Result};
use crate::s3::{Client, Completed, Copied, CopySource, Expected, Head, PartCopied, UploadName};
use crate::store::{GetOptions, ListPage, Object, ObjectMeta, ObjectStore, PartsUpload, Touch};

/// Parts of copies are no larger than this, though S3 would take 5 GiB: the answer comes when all is copied.
const MAX_COPIED_PART: u64 = 1024 * 1024 * 1024;

/// One bucket of an S3 server.
#[derive(Debug)]
pub(crate) struct S3Store {
    client: Client,
    max_copy_bytes: u64,
    /// The server was asked to copy a part and cannot.
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

    fn upload(&self, key: &str, size: u64) -> Result<Option<Upload<'_>>> {
        let begun = self.client.monotonic();
        let name = self.client.create_multipart_upload(key)?;
        let tags = Mutex::default();
        Ok(name.map(|name| Upload { client: &self.client, name, size, begun, tags, completed: false }))
    }

    fn touch_in_parts(&self, key: &str, size: u64) -> Result<Touch> {
        let Some(upload) = self.upload(key, size)? else { return Ok(Touch::Unsupported) };
        for (number, range) in Parts::of(size, self.max_copy_bytes.min(MAX_COPIED_PART)).numbered() {
            match upload.copy_part(number, range.start, key, range)? {
                Touch::Done => {}
                other => return Ok(other),
            }
        }
        Box::new(upload).complete().map(|()| Touch::Done)
    }

    /// For what is too large to be copied in one request by S3's rules.
    fn touch_large(&self, key: &str, size: u64) -> Result<Touch> {
        if !self.copies_no_parts.load(Ordering::Relaxed) {
            match self.touch_in_parts(key, size)? {
                Touch::Unsupported => self.copies_no_parts.store(true, Ordering::Relaxed),
                other => return Ok(other),
            }
        }
        // Stores without part copies may have copies without a limit, as Google has.
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
        Ok(self.upload(key, size)?.map(|upload| Box::new(upload) as Box<dyn PartsUpload>))
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
        Ok(ListPage { objects, continuation: page.continuation })
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
    name: UploadName,
    size: u64,
    begun: Duration,
    /// Part numbers and entity tags, in the order they came.
    tags: Mutex<Vec<(u32, String)>>,
    completed: bool,
}

impl Upload<'_> {
    fn tag(&self, number: u32, etag: String) {
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        tags.retain(|(have, _)| *have != number);
        tags.push((number, etag));
    }
}

impl PartsUpload for Upload<'_> {
    fn put_part(&self, number: u32, _: u64, payload: &dyn Payload) -> Result<()> {
        let etag = self.client.upload_part(&self.name, number, payload)?;
        self.tag(number, etag);
        Ok(())
    }

    fn copy_part(&self, number: u32, _: u64, source: &str, range: Range<u64>) -> Result<Touch> {
        let source = CopySource { key: source, range };
        Ok(match self.client.upload_part_copy(&self.name, number, &source)? {
            PartCopied::Done(etag) => {
                self.tag(number, etag);
                Touch::Done
            }
            PartCopied::NotFound => Touch::Gone,
            PartCopied::Unsupported => Touch::Unsupported,
        })
    }

    fn complete(mut self: Box<Self>) -> Result<()> {
        let mut tags = std::mem::take(self.tags.get_mut().unwrap_or_else(PoisonError::into_inner));
        tags.sort_unstable();
        let begun = self.client.monotonic().saturating_sub(self.begun);
        let expected = Expected { size: self.size, begun };
        // An object that was merely found may be another writer's: the parts of this upload go in any case.
        self.completed = self.client.complete_multipart_upload(&self.name, &tags, expected)? == Completed::Yes;
        Ok(())
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        if self.completed {
            return;
        }
        if let Err(error) = self.client.abort_multipart_upload(&self.name) {
            log::warn!("parts of {} are left in the store until a lifecycle rule removes them: {error}", self.name.key);
        }
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
