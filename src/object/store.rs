//! The contract of an object store.

use std::time::{Duration, SystemTime};

use crate::base::{Error, Result};
use crate::object::listing::{ListOptions, ListPage, ListedObject, Pages, UploadsPage};
use crate::object::meta::{ObjectMeta, Version};
use crate::object::multipart::{MultipartUpload, UnfinishedUpload};
use crate::object::payload::Payload;
use crate::object::read::{GetOptions, Object};
use crate::object::write::PutMode;

/// A bucket in an object store. Keys are UTF-8, at most 1,024 bytes, and compared bytewise.
///
/// Implementations retry on their own; an error returned to the caller is final. Callers branch on
/// [`Error::kind`](crate::Error::kind): a store of your own returns [`Error::not_found`](crate::Error::not_found),
/// [`Error::precondition_failed`](crate::Error::precondition_failed),
/// [`Error::unsupported`](crate::Error::unsupported) and the others by their constructors. Methods that a store may
/// lack return [`Unsupported`](crate::ErrorKind::Unsupported) by default. Exports and imports repeat what fails with
/// [`Error::network`](crate::Error::network), because it [is transient](crate::Error::is_transient).
pub trait ObjectStore: Send + Sync {
    /// Returns the object's location for messages: `s3://bucket/key`, or a path.
    fn location(&self, key: &str) -> String;

    /// Checks that the bucket can be reached, before anything is sent to it.
    ///
    /// # Errors
    /// If the bucket does not exist or access to it is denied. A missing permission to list the bucket is not an error,
    /// because only the permissions on its objects matter.
    fn probe(&self) -> Result<()>;

    /// Returns the metadata of an object, or `None` if it does not exist.
    ///
    /// # Errors
    /// If the store cannot determine it. A missing object is not an error; a missing bucket or permission is.
    fn head(&self, key: &str) -> Result<Option<ObjectMeta>>;

    /// Opens an object. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// - [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if the object has another version than required,
    /// - [`InvalidRange`](crate::ErrorKind::InvalidRange) if the range starts at or past the end of the object,
    /// - [`Archived`](crate::ErrorKind::Archived) if its bytes are currently unavailable,
    /// - otherwise as [`head`](Self::head). Errors in the body are returned while it is read.
    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>>;

    /// Writes an object completely or not at all. Returns its new version if the store reports it.
    ///
    /// If the response to a conditional write is lost, the store may find its own object when it tries again. It then
    /// compares the object's bytes with the payload: if they are equal, the write has succeeded, even if another writer
    /// wrote the same bytes.
    ///
    /// # Errors
    /// - [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if the condition of `mode` does not hold, also
    ///   because another write is in progress. The object to replace may have been deleted.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) if the store refuses such conditions. Some stores ignore them.
    /// - Any other error if it was not written, including when the payload could not be read or did not match its
    ///   announced size and digest. After a [`Network`](crate::ErrorKind::Network) error, it may have been written.
    fn put(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>>;

    /// Returns whether [`put`](Self::put) checks that the bytes it has stored match [`Payload::sha256`]. If not (the
    /// default), an export hashes each blob while it is sent.
    fn verifies_payloads(&self) -> bool {
        false
    }

    /// Returns whether [`put_part`](MultipartUpload::put_part) uses [`Payload::sha256`]. If so (the default), an export
    /// hashes each part before it is sent.
    fn hashes_parts(&self) -> bool {
        true
    }

    /// Begins to write an object of `size` bytes in parts. The condition of `mode` is checked when it is completed.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) (the default) if the store does not support parts: then
    /// [`put`](Self::put) accepts any size. Any other error if the store refuses.
    fn put_in_parts<'a>(&'a self, key: &str, size: u64, mode: &PutMode) -> Result<Box<dyn MultipartUpload + 'a>> {
        let _ = (size, mode);
        Err(Error::unsupported(format!("the store cannot write {} in parts", self.location(key))))
    }

    /// Copies an object within the store, without sending its bytes, and replaces an existing one. `meta` is the
    /// metadata of the source; its size decides how the object is copied. Returns the version of the copy if the store
    /// reports it.
    ///
    /// # Errors
    /// - [`NotFound`](crate::ErrorKind::NotFound) if the source does not exist,
    /// - [`Archived`](crate::ErrorKind::Archived) if its bytes are currently unavailable,
    /// - [`TooLarge`](crate::ErrorKind::TooLarge) if the store cannot copy an object of this size: upload it instead,
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) (the default) if it cannot copy objects,
    /// - any other error if the store refuses.
    fn copy(&self, from: &str, to: &str, meta: &ObjectMeta) -> Result<Option<Version>> {
        let _ = (to, meta);
        Err(Error::unsupported(format!("the store cannot copy {}", self.location(from))))
    }

    /// Refreshes the object's last-modified time by copying it onto itself. Some stores copy without refreshing the
    /// time.
    ///
    /// # Errors
    /// As [`copy`](Self::copy).
    fn touch(&self, key: &str, meta: &ObjectMeta) -> Result<Option<Version>> {
        self.copy(key, key, meta)
    }

    /// Returns one page of the objects whose keys begin with `prefix`.
    ///
    /// # Errors
    /// If the store refuses.
    fn list_page(&self, prefix: &str, options: &ListOptions) -> Result<ListPage>;

    /// Returns whether pages of listings may be in bytewise order (the default). If not, a page that happens to be in
    /// order does not show which keys are missing, and `start_after` saves no requests: only a listing to the end does.
    fn lists_in_order(&self) -> bool {
        true
    }

    /// Returns all objects whose keys begin with `prefix`, and are after `start_after` if given. Holds one page in
    /// memory. The stream ends after an error, also if the store did not list everything.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let root = tempfile::tempdir()?;
    /// use std::sync::Arc;
    /// use s3_build_cache::object::{BytesPayload, ObjectStore, PutMode};
    /// use s3_build_cache::store::DirStore;
    /// use s3_build_cache::time::SystemClock;
    ///
    /// let store = DirStore::new(root.path(), "my-bucket", Arc::new(SystemClock::default()))?;
    /// store.put("manifests/app", &BytesPayload::new(b"{}".to_vec()), &PutMode::Overwrite)?;
    /// let keys: Result<Vec<String>, _> =
    ///     store.objects("manifests/", None).map(|object| object.map(|object| object.key)).collect();
    /// assert_eq!(keys?, ["manifests/app"]);
    /// # Ok(())
    /// # }
    /// ```
    fn objects<'a>(
        &'a self,
        prefix: &'a str,
        start_after: Option<&'a str>,
    ) -> Box<dyn Iterator<Item = Result<ListedObject>> + Send + 'a> {
        let what = format!("objects under {}", self.location(prefix));
        Box::new(Pages::new(what, move |continuation| {
            let start = start_after.filter(|_| continuation.is_none()).map(str::to_owned);
            let options = ListOptions { start_after: start, continuation, max_keys: None };
            let mut page = self.list_page(prefix, &options)?;
            // Later pages may have earlier keys.
            page.objects.retain(|object| start_after.is_none_or(|start| object.key.as_str() > start));
            Ok((page.objects, page.continuation, page.incomplete))
        }))
    }

    /// Deletes an object. Deleting a missing object succeeds.
    ///
    /// # Errors
    /// If the object was not deleted.
    fn delete(&self, key: &str) -> Result<()>;

    /// Deletes an object only if it still has this version. Deleting a missing object succeeds.
    ///
    /// # Errors
    /// - [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if it has another version,
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) (the default) if the store refuses such conditions. Some stores
    ///   ignore them.
    /// - any other error if the object was not deleted.
    fn delete_if(&self, key: &str, version: &Version) -> Result<()> {
        let _ = version;
        Err(Error::unsupported(format!("the store cannot delete {} under a condition", self.location(key))))
    }

    /// Deletes an object with a single request, which is never repeated: a request that is repeated may arrive after
    /// another writer has refreshed the object. With a version, only if the object still has it. Deleting a missing
    /// object succeeds.
    ///
    /// # Errors
    /// As [`delete`](Self::delete) and [`delete_if`](Self::delete_if). After a [transient](crate::Error::is_transient)
    /// one, the object may have been deleted.
    fn delete_once(&self, key: &str, version: Option<&Version>) -> Result<()> {
        match version {
            Some(version) => self.delete_if(key, version),
            None => self.delete(key),
        }
    }

    /// Returns one page of the unfinished multipart uploads to keys that begin with `prefix`. `continuation` is the
    /// token of the page before.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) (the default) if the store cannot list them; any other error if
    /// it refuses.
    fn list_uploads_page(&self, prefix: &str, continuation: Option<&str>) -> Result<UploadsPage> {
        let _ = continuation;
        Err(Error::unsupported(format!("the store cannot list uploads under {}", self.location(prefix))))
    }

    /// Returns all unfinished multipart uploads to keys that begin with `prefix`. Holds one page in memory. The stream
    /// ends after an error.
    fn uploads<'a>(&'a self, prefix: &'a str) -> Box<dyn Iterator<Item = Result<UnfinishedUpload>> + Send + 'a> {
        let what = format!("uploads under {}", self.location(prefix));
        Box::new(Pages::new(what, move |continuation| {
            let page = self.list_uploads_page(prefix, continuation.as_deref())?;
            Ok((page.uploads, page.continuation, false))
        }))
    }

    /// Aborts an unfinished multipart upload and removes its parts. An upload that no longer exists counts as aborted;
    /// one that is still written to fails.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) (the default) if the store cannot; any other error if it refuses.
    fn abort_upload(&self, upload: &UnfinishedUpload) -> Result<()> {
        Err(Error::unsupported(format!("the store cannot abort the upload of {}", self.location(&upload.key))))
    }

    /// Returns after how many days the store itself aborts unfinished uploads to all keys that begin with `prefix`, or
    /// `None` if it never does.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) (the default) if the store cannot tell; any other error if it
    /// refuses.
    fn aborts_uploads_after(&self, prefix: &str) -> Result<Option<u32>> {
        Err(Error::unsupported(format!("the store has no rules for {}", self.location(prefix))))
    }

    /// Returns a URL that opens the object without credentials until `valid_for` has passed. Anyone who has the URL can
    /// use it. The object is not looked up, so it need not exist. In a directory bucket of S3, the URL is valid only as
    /// long as a session, five minutes at most.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) (the default) if the store has no such URLs;
    /// [`Usage`](crate::ErrorKind::Usage) if `valid_for` is zero or longer than the store allows, in S3 seven days.
    fn presign_get(&self, key: &str, valid_for: Duration) -> Result<String> {
        let _ = valid_for;
        Err(Error::unsupported(format!("the store has no URL for {}", self.location(key))))
    }

    /// Returns the time by the store's clock, or `None` if it is unknown. Times that several machines compare come from
    /// it, because the clock of one of them may be wrong.
    fn now(&self) -> Option<SystemTime> {
        None
    }

    /// Returns whether the store is known to honour the conditions of writes. If `false` (the default), an export that
    /// depends on them tests them first, because some stores ignore them.
    fn honours_conditions(&self) -> bool {
        false
    }

    /// Announces that the caller is going to write. A store that is accessed in sessions then begins one that permits
    /// it, instead of one for reads only. Writes do not depend on it; the default does nothing.
    fn expect_writes(&self) {}

    /// Returns the number of requests sent so far, every attempt counted; zero (the default) if the store sends none.
    fn requests(&self) -> u64 {
        0
    }
}
