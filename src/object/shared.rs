//! The contract for a store that is shared, as an `Arc`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::base::Result;
use crate::object::{
    GetOptions, ListOptions, ListPage, ListedObject, MultipartUpload, Object, ObjectMeta, ObjectStore, Payload,
    PutMode, UnfinishedUpload, UploadsPage, Version,
};

impl<S: ObjectStore + ?Sized> ObjectStore for Arc<S> {
    fn location(&self, key: &str) -> String {
        (**self).location(key)
    }

    fn probe(&self) -> Result<()> {
        (**self).probe()
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        (**self).head(key)
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        (**self).get(key, options)
    }

    fn put(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>> {
        (**self).put(key, payload, mode)
    }

    fn verifies_payloads(&self) -> bool {
        (**self).verifies_payloads()
    }

    fn hashes_parts(&self) -> bool {
        (**self).hashes_parts()
    }

    fn put_in_parts<'a>(&'a self, key: &str, size: u64, mode: &PutMode) -> Result<Box<dyn MultipartUpload + 'a>> {
        (**self).put_in_parts(key, size, mode)
    }

    fn copy(&self, from: &str, to: &str, meta: &ObjectMeta) -> Result<Option<Version>> {
        (**self).copy(from, to, meta)
    }

    fn touch(&self, key: &str, meta: &ObjectMeta) -> Result<Option<Version>> {
        (**self).touch(key, meta)
    }

    fn list_page(&self, prefix: &str, options: &ListOptions) -> Result<ListPage> {
        (**self).list_page(prefix, options)
    }

    fn lists_in_order(&self) -> bool {
        (**self).lists_in_order()
    }

    fn objects<'a>(
        &'a self,
        prefix: &'a str,
        start_after: Option<&'a str>,
    ) -> Box<dyn Iterator<Item = Result<ListedObject>> + Send + 'a> {
        (**self).objects(prefix, start_after)
    }

    fn delete(&self, key: &str) -> Result<()> {
        (**self).delete(key)
    }

    fn delete_if(&self, key: &str, version: &Version) -> Result<()> {
        (**self).delete_if(key, version)
    }

    fn delete_once(&self, key: &str, version: Option<&Version>) -> Result<()> {
        (**self).delete_once(key, version)
    }

    fn list_uploads_page(&self, prefix: &str, continuation: Option<&str>) -> Result<UploadsPage> {
        (**self).list_uploads_page(prefix, continuation)
    }

    fn uploads<'a>(&'a self, prefix: &'a str) -> Box<dyn Iterator<Item = Result<UnfinishedUpload>> + Send + 'a> {
        (**self).uploads(prefix)
    }

    fn abort_upload(&self, upload: &UnfinishedUpload) -> Result<()> {
        (**self).abort_upload(upload)
    }

    fn aborts_uploads_after(&self, prefix: &str) -> Result<Option<u32>> {
        (**self).aborts_uploads_after(prefix)
    }

    fn presign_get(&self, key: &str, valid_for: Duration) -> Result<String> {
        (**self).presign_get(key, valid_for)
    }

    fn now(&self) -> Option<SystemTime> {
        (**self).now()
    }

    fn honours_conditions(&self) -> bool {
        (**self).honours_conditions()
    }

    fn expect_writes(&self) {
        (**self).expect_writes();
    }

    fn requests(&self) -> u64 {
        (**self).requests()
    }
}
