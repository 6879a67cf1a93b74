//! A store that limits the number of its connections.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use crate::base::{Payload, Result};
use crate::store::{GetOptions, ListPage, Object, ObjectMeta, ObjectStore, PartsUpload, Touch};
use crate::transfer::{Permit, Permits};

/// Passes every operation to a store, over a limited number of connections. The body of an open object counts as one
/// until it is dropped. Operations beyond the limit wait their turn.
#[derive(Clone)]
pub(crate) struct Limited {
    store: Arc<dyn ObjectStore>,
    connections: usize,
    permits: Permits,
}

impl Limited {
    /// Limits `store` to this number of connections, at least one.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, connections: usize) -> Self {
        Self { store, connections, permits: Permits::new(connections) }
    }

    /// Returns the same store, with a limit that it shares with `other`.
    pub(crate) fn sharing(&self, other: &Self) -> Self {
        Self { store: self.store.clone(), connections: other.connections, permits: other.permits.clone() }
    }

    /// Returns the store without the limit.
    pub(crate) fn unlimited(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Returns the number of connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections
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
        let connection = self.permits.take();
        let object = self.store.get(key, options)?;
        Ok(object
            .map(|object| Object { body: Box::new(Body { body: object.body, _connection: connection }), ..object }))
    }

    fn put(&self, key: &str, payload: &dyn Payload) -> Result<()> {
        let _connection = self.permits.take();
        self.store.put(key, payload)
    }

    fn put_in_parts<'a>(&'a self, key: &str, size: u64) -> Result<Option<Box<dyn PartsUpload + 'a>>> {
        let _connection = self.permits.take();
        let upload = self.store.put_in_parts(key, size)?;
        Ok(upload.map(|upload| Box::new(LimitedUpload { upload, permits: &self.permits }) as Box<dyn PartsUpload>))
    }

    fn touch(&self, key: &str, meta: &ObjectMeta) -> Result<Touch> {
        let _connection = self.permits.take();
        self.store.touch(key, meta)
    }

    fn list(&self, prefix: &str, continuation: Option<&str>) -> Result<ListPage> {
        let _connection = self.permits.take();
        self.store.list(prefix, continuation)
    }

    fn delete(&self, key: &str) -> Result<()> {
        let _connection = self.permits.take();
        self.store.delete(key)
    }

    fn requests(&self) -> u64 {
        self.store.requests()
    }
}

/// The body of an object, which holds its connection.
struct Body {
    body: Box<dyn Read + Send>,
    _connection: Permit,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}

struct LimitedUpload<'a> {
    upload: Box<dyn PartsUpload + 'a>,
    permits: &'a Permits,
}

impl PartsUpload for LimitedUpload<'_> {
    fn put_part(&self, number: u32, offset: u64, payload: &dyn Payload) -> Result<()> {
        let _connection = self.permits.take();
        self.upload.put_part(number, offset, payload)
    }

    fn copy_part(&self, number: u32, offset: u64, source: &str, range: Range<u64>) -> Result<Touch> {
        let _connection = self.permits.take();
        self.upload.copy_part(number, offset, source, range)
    }

    fn complete(self: Box<Self>) -> Result<()> {
        let _connection = self.permits.take();
        self.upload.complete()
    }
}
