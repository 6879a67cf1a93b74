//! A store that limits the number of its connections.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use crate::base::{Result, reader_from_fn};
use crate::object::{
    GetOptions, ListOptions, ListPage, MultipartUpload, Object, ObjectMeta, ObjectStore, Payload, PutMode,
    UnfinishedUpload, UploadsPage, Version,
};
use crate::transfer::{Permit, Permits};

/// Passes every operation to a store, over a limited number of connections. The body of an open object counts as one
/// until it is dropped. Operations beyond the limit wait their turn.
#[derive(Clone)]
pub(crate) struct Limited {
    store: Arc<dyn ObjectStore>,
    connections: usize,
    permits: Permits,
    distrusts_etags: Arc<AtomicBool>,
    /// Whether the store sends the requested range, once it has sent one.
    sends_ranges: Arc<OnceLock<bool>>,
}

impl Limited {
    /// Limits `store` to this number of connections, at least one.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, connections: usize) -> Self {
        let permits = Permits::new(connections);
        Self { store, connections, permits, distrusts_etags: Arc::default(), sends_ranges: Arc::default() }
    }

    /// Returns the same store, with a limit that it shares with `other`.
    pub(crate) fn sharing(&self, other: &Self) -> Self {
        Self { connections: other.connections, permits: other.permits.clone(), ..self.clone() }
    }

    /// Returns the same store without a limit.
    pub(crate) fn without_limit(&self) -> Self {
        let connections = usize::MAX;
        Self { connections, permits: Permits::new(connections), ..self.clone() }
    }

    /// Returns the store that this one limits.
    pub(crate) fn inner(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Returns the number of connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections
    }

    /// Returns whether an operation waits for a connection.
    pub(crate) fn is_awaited(&self) -> bool {
        self.permits.are_awaited()
    }

    /// Opens an object with `open`, which may send several requests, one after another, over one connection. `open`
    /// runs once the connection is free, so it can use what other threads have learnt about the store by then. An
    /// urgent request gets the next connection.
    ///
    /// # Errors
    /// Those of `open`.
    pub(crate) fn get_with(
        &self,
        urgent: bool,
        open: impl FnOnce(&dyn ObjectStore) -> Result<Option<Object>>,
    ) -> Result<Option<Object>> {
        let connection = if urgent { self.permits.take_first() } else { self.permits.take() };
        let object = open(&*self.store)?;
        Ok(object.map(|object| {
            let mut body = LimitedBody { body: object.body, _connection: connection };
            Object { body: reader_from_fn(move |buffer| body.read(buffer)), ..object }
        }))
    }

    /// Returns whether the store refused an entity tag that it had sent itself, so that ranges are requested without a
    /// condition.
    pub(crate) fn distrusts_etags(&self) -> bool {
        self.distrusts_etags.load(Ordering::Relaxed)
    }

    /// Remembers that the store refuses its own entity tags.
    pub(crate) fn distrust_etags(&self) {
        self.distrusts_etags.store(true, Ordering::Relaxed);
    }

    /// Returns whether the store sends the requested range instead of the whole object, once it is known.
    pub(crate) fn sends_ranges(&self) -> Option<bool> {
        self.sends_ranges.get().copied()
    }

    /// Remembers whether the store sends the requested range. The first response decides.
    pub(crate) fn learn_ranges(&self, sends: bool) {
        let _ = self.sends_ranges.set(sends);
    }
}

impl ObjectStore for Limited {
    fn location(&self, key: &str) -> String {
        self.store.location(key)
    }

    fn probe(&self) -> Result<()> {
        let _connection = self.permits.take();
        self.store.probe()
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        let _connection = self.permits.take();
        self.store.head(key)
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        self.get_with(false, |store| store.get(key, options))
    }

    fn put(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>> {
        let _connection = self.permits.take();
        self.store.put(key, payload, mode)
    }

    fn verifies_payloads(&self) -> bool {
        self.store.verifies_payloads()
    }

    fn hashes_parts(&self) -> bool {
        self.store.hashes_parts()
    }

    fn put_in_parts<'a>(&'a self, key: &str, size: u64, mode: &PutMode) -> Result<Box<dyn MultipartUpload + 'a>> {
        // Its parts wait for it.
        let _connection = self.permits.take_first();
        Ok(Box::new(LimitedUpload { upload: self.store.put_in_parts(key, size, mode)?, permits: &self.permits }))
    }

    fn copy(&self, from: &str, to: &str, meta: &ObjectMeta) -> Result<Option<Version>> {
        let _connection = self.permits.take();
        self.store.copy(from, to, meta)
    }

    fn touch(&self, key: &str, meta: &ObjectMeta) -> Result<Option<Version>> {
        let _connection = self.permits.take();
        self.store.touch(key, meta)
    }

    fn list_page(&self, prefix: &str, options: &ListOptions) -> Result<ListPage> {
        let _connection = self.permits.take();
        self.store.list_page(prefix, options)
    }

    fn lists_in_order(&self) -> bool {
        self.store.lists_in_order()
    }

    fn delete(&self, key: &str) -> Result<()> {
        let _connection = self.permits.take();
        self.store.delete(key)
    }

    fn delete_if(&self, key: &str, version: &Version) -> Result<()> {
        let _connection = self.permits.take();
        self.store.delete_if(key, version)
    }

    fn delete_once(&self, key: &str, version: Option<&Version>) -> Result<()> {
        let _connection = self.permits.take();
        self.store.delete_once(key, version)
    }

    fn list_uploads_page(&self, prefix: &str, continuation: Option<&str>) -> Result<UploadsPage> {
        let _connection = self.permits.take();
        self.store.list_uploads_page(prefix, continuation)
    }

    fn abort_upload(&self, upload: &UnfinishedUpload) -> Result<()> {
        let _connection = self.permits.take();
        self.store.abort_upload(upload)
    }

    fn aborts_uploads_after(&self, prefix: &str) -> Result<Option<u32>> {
        let _connection = self.permits.take();
        self.store.aborts_uploads_after(prefix)
    }

    /// Needs no connection.
    fn presign_get(&self, key: &str, valid_for: Duration) -> Result<String> {
        self.store.presign_get(key, valid_for)
    }

    fn now(&self) -> Option<SystemTime> {
        self.store.now()
    }

    fn honours_conditions(&self) -> bool {
        self.store.honours_conditions()
    }

    fn expect_writes(&self) {
        self.store.expect_writes();
    }

    fn requests(&self) -> u64 {
        self.store.requests()
    }
}

/// The body of an object, and its connection, which is free once the body is dropped.
struct LimitedBody {
    body: Box<dyn Read + Send>,
    _connection: Permit,
}

impl LimitedBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}

struct LimitedUpload<'a> {
    upload: Box<dyn MultipartUpload + 'a>,
    permits: &'a Permits,
}

impl MultipartUpload for LimitedUpload<'_> {
    fn put_part(&self, number: u32, offset: u64, payload: &dyn Payload) -> Result<()> {
        let _connection = self.permits.take();
        self.upload.put_part(number, offset, payload)
    }

    fn copy_part(&self, number: u32, offset: u64, source: &str, range: Range<u64>) -> Result<()> {
        let _connection = self.permits.take();
        self.upload.copy_part(number, offset, source, range)
    }

    fn complete(&self) -> Result<Option<Version>> {
        // Before parts of other objects: an interruption loses what is not complete.
        let _connection = self.permits.take_first();
        self.upload.complete()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemClock;
    use crate::object::BytesPayload;
    use crate::store::DirStore;

    /// A default of the contract must not hide a method that the store implements.
    #[test]
    fn every_operation_is_passed_on() {
        let root = tempfile::tempdir().unwrap();
        let store = DirStore::new(root.path(), "bucket", Arc::new(SystemClock::default())).unwrap();
        let store = Limited::new(Arc::new(store), 1);
        let payload = BytesPayload::new(b"x".to_vec());
        let version = store.put("a", &payload, &PutMode::Create).unwrap().unwrap();
        let meta = store.head("a").unwrap().unwrap();
        assert_eq!(meta.version.as_ref(), Some(&version));
        store.copy("a", "b", &meta).unwrap();
        store.touch("b", &meta).unwrap();
        store.delete_if("a", &version).unwrap();
        let upload = store.put_in_parts("c", 1, &PutMode::Create).unwrap();
        upload.copy_part(1, 0, "b", 0..1).unwrap();
        let listed = store.uploads("").next().unwrap().unwrap();
        upload.complete().unwrap();
        store.abort_upload(&listed).unwrap();
        let keys: Vec<String> = store.objects("", None).map(|object| object.unwrap().key).collect();
        assert_eq!(keys, ["b", "c"]);
        assert!(store.presign_get("b", Duration::from_secs(1)).is_err());
        assert!(store.verifies_payloads() && store.hashes_parts() && store.honours_conditions());
        assert!(store.now().is_some());
    }
}
