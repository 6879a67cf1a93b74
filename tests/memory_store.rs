//! The store of an example, which has only the required methods, run against the suite that all stores must pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use s3_build_cache::object::{
    GetOptions, ListOptions, ListPage, Object, ObjectMeta, ObjectStore, Payload, PutMode, UnfinishedUpload, Version,
};
use s3_build_cache::{Error, ErrorKind, Result, S3Cache};

use crate::conformance::{self, Claim, Quirks};
use crate::examples::MemoryStore;
use crate::s3::{TestClock, fixture};

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
