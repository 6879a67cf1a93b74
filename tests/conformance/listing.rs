//! Listings: prefixes, pages, and a bucket that is not there.

use s3_build_cache::{BytesPayload, ErrorKind, ListOptions, ListedObject, ObjectStore, PutMode};

use super::{Quirks, empty, keys, put, unique_prefix};

/// More than the 1,000 keys of a page.
const MANY: usize = 1005;

pub(super) fn run(store: &dyn ObjectStore, prefix: &str) {
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
    let page = store.list_page(&format!("{prefix}list/"), &ListOptions::default()).unwrap();
    for ListedObject { key, meta, .. } in page.objects {
        let size = names.iter().position(|name| *name == key).unwrap() as u64;
        let head = store.head(&key).unwrap().unwrap();
        assert_eq!((meta.size, meta.readable, meta.age.is_some()), (size, true, head.age.is_some()), "{key}");
    }
}

/// A listing of more than one page has every key once.
///
/// # Panics
/// When it has not.
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

/// `store` names a bucket that does not exist.
///
/// # Panics
/// When the store takes that for a missing object.
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
