//! Listings: prefixes, pages, and a missing bucket.

use s3_build_cache::ErrorKind;
use s3_build_cache::object::{BytesPayload, ListOptions, ListedObject, ObjectStore, PutMode};

use super::{Quirks, empty, keys, put, unique_prefix};

/// More than the 1,000 keys of a page.
const MANY: usize = 1005;

pub(super) fn run(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str) {
    let names = ["a", "a.b", "a-b", "b/c", "b/d/e", "b0", "c/x"].map(|name| format!("{prefix}list/{name}"));
    for (size, key) in names.iter().enumerate() {
        put(store, key, &vec![b'x'; size]);
    }
    let list = |part: &str| keys(store, &format!("{prefix}{part}"));
    let expect = |names: &[&str]| {
        let mut keys: Vec<String> = names.iter().map(|name| format!("{prefix}list/{name}")).collect();
        keys.sort();
        keys
    };
    assert_eq!(list("list/"), expect(&["a", "a.b", "a-b", "b/c", "b/d/e", "b0", "c/x"]));
    assert_eq!(list("list"), list("list/"));
    assert_eq!(list("list/a"), expect(&["a", "a.b", "a-b"]));
    assert_eq!(list("list/b"), expect(&["b/c", "b/d/e", "b0"]));
    assert_eq!(list("list/b/"), expect(&["b/c", "b/d/e"]));
    assert_eq!(list("list/b/d/e"), expect(&["b/d/e"]));
    for nothing in ["list/b/d/e/", "list/absent", "list/a/", "absent/"] {
        assert_eq!(list(nothing), Vec::<String>::new(), "{nothing}");
    }
    let after = |key: &str| {
        let start = format!("{prefix}list/{key}");
        let objects = store.objects(&start[..prefix.len() + 5], Some(&start));
        let mut keys: Vec<String> = objects.map(|object| object.unwrap().key).collect();
        keys.sort();
        keys
    };
    assert_eq!(after("a"), expect(&["a-b", "a.b", "b/c", "b/d/e", "b0", "c/x"]));
    assert_eq!(after("a.b"), expect(&["b/c", "b/d/e", "b0", "c/x"]));
    if !quirks.start_after_skips_directories {
        assert_eq!(after("b/d"), expect(&["b/d/e", "b0", "c/x"]));
    }
    assert_eq!(after("c/x"), Vec::<String>::new());
    pages(store, &format!("{prefix}list/"));
    let page = store.list_page(&format!("{prefix}list/"), &ListOptions::default()).unwrap();
    for ListedObject { key, meta, .. } in page.objects {
        let size = names.iter().position(|name| *name == key).unwrap() as u64;
        let head = store.head(&key).unwrap().unwrap();
        assert_eq!((meta.size, meta.readable, meta.age.is_some()), (size, true, head.age.is_some()), "{key}");
    }
}

/// Checks that small pages follow each other.
fn pages(store: &dyn ObjectStore, prefix: &str) {
    let mut keys = Vec::new();
    let mut options = ListOptions::default().max_keys(2);
    loop {
        let page = store.list_page(prefix, &options).unwrap();
        assert!(page.objects.len() <= 2 && !page.incomplete, "{page:?}");
        keys.extend(page.objects.into_iter().map(|object| object.key));
        let Some(continuation) = page.continuation else { break };
        options = options.continuation(continuation);
    }
    keys.sort();
    assert_eq!(keys, super::keys(store, prefix));
}

/// Checks that a listing of several pages contains every key once.
///
/// # Panics
/// If it does not.
pub(crate) fn paging(store: &dyn ObjectStore) {
    let prefix = unique_prefix();
    let expected: Vec<String> = (0..MANY).map(|at| format!("{prefix}{}/{at:04}", at % 3)).collect();
    let payload = BytesPayload::new(Vec::new());
    for key in &expected {
        store.put(key, &payload, &PutMode::Overwrite).unwrap();
    }
    let first = store.list_page(&prefix, &ListOptions::default()).unwrap();
    assert!(first.continuation.is_some() && !first.objects.is_empty(), "{MANY} keys need a second page");
    let mut sorted = expected;
    sorted.sort();
    assert_eq!(keys(store, &prefix), sorted);
    empty(store, &prefix);
}

/// Checks the errors of a store whose bucket does not exist.
///
/// # Panics
/// If the store reports a missing object instead.
pub(crate) fn missing_bucket(store: &dyn ObjectStore, quirks: &Quirks) {
    if quirks.missing_bucket_is_empty {
        store.probe().unwrap();
        assert_eq!(store.head("key").unwrap(), None);
        assert!(store.get("key", &Default::default()).unwrap().is_none());
        assert_eq!(store.list_page("", &ListOptions::default()).unwrap(), Default::default());
        store.delete("key").unwrap();
        return;
    }
    for (what, error) in [
        ("probe", store.probe().unwrap_err()),
        ("get", store.get("key", &Default::default()).expect_err("there is no bucket")),
        ("list", store.list_page("", &ListOptions::default()).unwrap_err()),
    ] {
        assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{what}: {}", error.chain());
    }
    match store.put("key", &BytesPayload::new(b"x".to_vec()), &PutMode::Overwrite) {
        Ok(_) => assert!(quirks.makes_missing_buckets),
        Err(error) => assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "put: {}", error.chain()),
    }
}
