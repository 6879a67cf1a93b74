//! An embedder's store with only the required methods, run against the suite that all stores must pass.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use s3_build_cache::object::{
    GetOptions, ListOptions, ListPage, ListedObject, Object, ObjectMeta, ObjectStore, Payload, PutMode,
    UnfinishedUpload, Version,
};
use s3_build_cache::{Error, ErrorKind, Result, S3Cache};

use crate::conformance::{self, Claim, Quirks};
use crate::s3::{TestClock, fixture};

/// Objects in memory.
#[derive(Default)]
struct MemoryStore(Mutex<BTreeMap<String, Vec<u8>>>);

fn read(payload: &dyn Payload) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = payload.open().and_then(|mut body| body.read_to_end(&mut bytes));
    opened.map_err(|error| Error::integrity("the payload cannot be read").with_source(error))?;
    if bytes.len() as u64 != payload.size() || s3_build_cache::Digest::of(&bytes) != payload.sha256().unwrap() {
        return Err(Error::integrity("the payload is not what was announced"));
    }
    Ok(bytes)
}

impl ObjectStore for MemoryStore {
    fn location(&self, key: &str) -> String {
        format!("memory:{key}")
    }

    fn probe(&self) -> Result<()> {
        Ok(())
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        Ok(self.0.lock().unwrap().get(key).map(|bytes| ObjectMeta::new(bytes.len() as u64)))
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        if options.if_match.is_some() {
            return Err(Error::unsupported("memory has no versions"));
        }
        let Some(bytes) = self.0.lock().unwrap().get(key).cloned() else { return Ok(None) };
        let size = bytes.len() as u64;
        let range = options.range.clone().unwrap_or(0..size);
        if range.start >= size && options.range.is_some() {
            return Err(Error::invalid_range(format!("{key} has only {size} bytes")));
        }
        let mut body = Cursor::new(bytes);
        body.set_position(range.start);
        Ok(Some(Object::new(size, None, Box::new(body.take(range.end.min(size) - range.start)))))
    }

    fn put(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>> {
        let bytes = read(payload)?;
        let mut objects = self.0.lock().unwrap();
        match mode {
            PutMode::Overwrite => {}
            PutMode::Create if objects.contains_key(key) => {
                return Err(Error::precondition_failed(format!("{key} exists already")));
            }
            PutMode::Create => {}
            _ => return Err(Error::unsupported("memory has no versions")),
        }
        objects.insert(key.to_owned(), bytes);
        Ok(None)
    }

    fn list_page(&self, prefix: &str, options: &ListOptions) -> Result<ListPage> {
        let after = options.continuation.as_ref().or(options.start_after.as_ref());
        let limit = options.max_keys.unwrap_or(1000) as usize;
        let objects = self.0.lock().unwrap();
        let wanted = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after.as_str());
        let mut wanted = objects.iter().filter(|(key, _)| wanted(key));
        let page: Vec<ListedObject> = wanted
            .by_ref()
            .take(limit)
            .map(|(key, bytes)| ListedObject::new(key, ObjectMeta::new(bytes.len() as u64)))
            .collect();
        let continuation = wanted.next().and_then(|_| page.last().map(|object| object.key.clone()));
        Ok(ListPage::new(page, continuation))
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}

#[test]
fn a_store_with_the_required_methods_passes_the_suite() {
    let store = MemoryStore::default();
    let quirks = Quirks {
        has_no_age: true,
        missing_bucket_is_empty: true,
        copy: Claim::Unsupported,
        parts: Claim::Unsupported,
        uploads: Claim::Unsupported,
        presign: Claim::Unsupported,
        ..Quirks::default()
    };
    conformance::run(&store, &quirks);
    conformance::paging(&store);
    conformance::missing_bucket(&store, &quirks);
}

#[test]
fn missing_operations_are_unsupported() {
    let store = MemoryStore::default();
    let version = Version::new("\"x\"");
    let errors = [
        store.put_in_parts("key", 1, &PutMode::Overwrite).err(),
        store.copy("key", "other", &ObjectMeta::new(1)).err(),
        store.touch("key", &ObjectMeta::new(1)).err(),
        store.delete_if("key", &version).err(),
        store.list_uploads_page("", None).err(),
        store.abort_upload(&UnfinishedUpload::new("key", "id")).err(),
        store.presign_get("key", std::time::Duration::from_secs(1)).err(),
        store.uploads("").next().unwrap().err(),
    ];
    for error in errors {
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().starts_with("the store "), "{error}");
    }
    assert_eq!(store.requests(), 0);
}

/// Cannot list, and fails every other write.
#[derive(Default)]
struct Flaky {
    store: MemoryStore,
    writes: AtomicUsize,
}

impl ObjectStore for Flaky {
    fn location(&self, key: &str) -> String {
        self.store.location(key)
    }

    fn probe(&self) -> Result<()> {
        Ok(())
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.store.head(key)
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        self.store.get(key, options)
    }

    fn put(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>> {
        if self.writes.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            return Err(Error::network("the connection broke"));
        }
        self.store.put(key, payload, mode)
    }

    fn list_page(&self, _: &str, _: &ListOptions) -> Result<ListPage> {
        Err(Error::unsupported("this store cannot list"))
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.store.delete(key)
    }
}

#[test]
fn an_export_repeats_transient_failures_and_does_without_listings() {
    let options = "type=s3,region=r,bucket=my-cache".parse().unwrap();
    let builder = S3Cache::builder(&options).clock(Arc::new(TestClock::default())).connections(1);
    let cache = builder.store(Flaky::default()).open().unwrap();
    let report = cache.export(&fixture("min")).unwrap();
    assert_eq!(report.blobs.transferred, report.blobs.total);
    assert!(cache.load().unwrap().is_some());
}
