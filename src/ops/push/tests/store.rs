//! A directory whose writes can be held, fail, or be impossible in parts.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use crate::base::{Error, Result};
use crate::object::{
    BytesPayload, GetOptions, ListOptions, ListPage, MultipartUpload, Object, ObjectMeta, ObjectStore, Payload,
    PutMode, Version,
};
use crate::store::DirStore;

/// A directory whose writes can be held, fail, or be impossible in parts.
pub(super) struct TestStore {
    dir: DirStore,
    has_no_parts: bool,
    /// How many of the next writes fail, and whether for good.
    pub(super) failing: AtomicUsize,
    pub(super) for_good: AtomicBool,
    held: Mutex<bool>,
    changed: Condvar,
    pub(super) touches: AtomicUsize,
    pub(super) refuses_touches: AtomicBool,
    /// The blobs that a pruning deletes when a manifest is written, after it looked at them.
    pub(super) pruned: Mutex<Vec<String>>,
    /// What another writer writes right after a manifest was written.
    pub(super) replacement: Mutex<Option<Vec<u8>>>,
    /// How often blobs were looked up.
    pub(super) lookups: AtomicUsize,
    touches_held: Mutex<bool>,
}

impl TestStore {
    pub(super) fn new(dir: DirStore, has_no_parts: bool) -> Self {
        Self {
            dir,
            has_no_parts,
            failing: AtomicUsize::new(0),
            for_good: AtomicBool::new(false),
            held: Mutex::new(false),
            changed: Condvar::new(),
            touches: AtomicUsize::new(0),
            refuses_touches: AtomicBool::new(false),
            pruned: Mutex::default(),
            replacement: Mutex::default(),
            lookups: AtomicUsize::new(0),
            touches_held: Mutex::new(false),
        }
    }

    fn write(&self) -> Result<()> {
        drop(self.changed.wait_while(self.held.lock().unwrap(), |held| *held).unwrap());
        let failing = self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match (failing, self.for_good.load(Ordering::SeqCst)) {
            (Err(_), _) => Ok(()),
            (Ok(_), true) => Err(Error::access("the store refuses writes")),
            (Ok(_), false) => Err(Error::network("the connection broke")),
        }
    }

    pub(super) fn hold(&self, held: bool) {
        *self.held.lock().unwrap() = held;
        self.changed.notify_all();
    }

    fn look_up(&self, key: &str) {
        self.lookups.fetch_add(usize::from(key.starts_with("blobs/")), Ordering::SeqCst);
    }

    pub(super) fn hold_touches(&self, held: bool) {
        *self.touches_held.lock().unwrap() = held;
        self.changed.notify_all();
    }
}

struct TestUpload<'a>(Box<dyn MultipartUpload + 'a>, &'a TestStore);

impl MultipartUpload for TestUpload<'_> {
    fn put_part(&self, number: u32, offset: u64, payload: &dyn Payload) -> Result<()> {
        self.1.write()?;
        self.0.put_part(number, offset, payload)
    }

    fn complete(&self) -> Result<Option<Version>> {
        self.1.write()?;
        self.0.complete()
    }
}

impl ObjectStore for TestStore {
    fn location(&self, key: &str) -> String {
        self.dir.location(key)
    }

    fn probe(&self) -> Result<()> {
        self.dir.probe()
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.look_up(key);
        self.dir.head(key)
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        self.dir.get(key, options)
    }

    fn put(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>> {
        self.write()?;
        if key.starts_with("manifests/") {
            self.pruned.lock().unwrap().drain(..).try_for_each(|key| self.dir.delete(&key))?;
        }
        let written = self.dir.put(key, payload, mode)?;
        let replacement = self.replacement.lock().unwrap().take_if(|_| key.starts_with("manifests/"));
        if let Some(theirs) = replacement {
            self.dir.put(key, &BytesPayload::new(theirs), &PutMode::Overwrite)?;
        }
        Ok(written)
    }

    fn put_in_parts<'a>(&'a self, key: &str, size: u64, mode: &PutMode) -> Result<Box<dyn MultipartUpload + 'a>> {
        if self.has_no_parts {
            return Err(Error::unsupported("this store has no parts"));
        }
        Ok(Box::new(TestUpload(self.dir.put_in_parts(key, size, mode)?, self)))
    }

    fn touch(&self, key: &str, meta: &ObjectMeta) -> Result<Option<Version>> {
        self.touches.fetch_add(1, Ordering::SeqCst);
        if self.refuses_touches.load(Ordering::SeqCst) {
            return Err(Error::access("the store refuses touches"));
        }
        drop(self.changed.wait_while(self.touches_held.lock().unwrap(), |held| *held).unwrap());
        self.dir.touch(key, meta)
    }

    fn list_page(&self, prefix: &str, options: &ListOptions) -> Result<ListPage> {
        self.look_up(prefix);
        self.dir.list_page(prefix, options)
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.dir.delete(key)
    }

    fn honours_conditions(&self) -> bool {
        self.dir.honours_conditions()
    }
}
