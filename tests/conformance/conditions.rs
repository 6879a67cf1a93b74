//! Versions, and writes and deletions under a condition.

use s3_build_cache::object::{BytesPayload, GetOptions, ObjectStore, PutMode, Version};
use s3_build_cache::{ErrorKind, Result};

use super::{Quirks, put, whole};

fn put_as(store: &dyn ObjectStore, key: &str, bytes: &[u8], mode: &PutMode) -> Result<Option<Version>> {
    store.put(key, &BytesPayload::new(bytes.to_vec()), mode)
}

/// The version that HEAD reports.
fn version(store: &dyn ObjectStore, key: &str) -> Option<Version> {
    store.head(key).unwrap().expect("the object exists").version
}

pub(super) fn run(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str) {
    versions(store, &format!("{prefix}conditions/version a+b"));
    create(store, quirks, &format!("{prefix}conditions/create"));
    replace(store, quirks, &format!("{prefix}conditions/replace"));
    delete(store, quirks, &format!("{prefix}conditions/delete"));
}

/// All operations report the same version, and each change of the bytes changes it.
fn versions(store: &dyn ObjectStore, key: &str) {
    let mut seen: Vec<Version> = Vec::new();
    for bytes in [&b"one"[..], b"two", b"three", b""] {
        let written = put_as(store, key, bytes, &PutMode::Overwrite).unwrap();
        let Some(version) = version(store, key) else {
            assert_eq!(written, None);
            return;
        };
        assert!(written.is_none() || written.as_ref() == Some(&version), "{written:?} {version:?}");
        assert_eq!(store.get(key, &GetOptions::default()).unwrap().unwrap().version, Some(version.clone()));
        let listed = store.objects(key, None).next().unwrap().unwrap();
        assert!(listed.meta.version.is_none_or(|listed| listed == version));
        assert!(!seen.contains(&version), "{version} again");
        seen.push(version);
    }
    store.delete(key).unwrap();
}

fn create(store: &dyn ObjectStore, quirks: &Quirks, key: &str) {
    let first = put_as(store, key, b"first", &PutMode::Create);
    if quirks.create.supports(first, "create").is_none() {
        assert_eq!(store.head(key).unwrap(), None);
        return;
    }
    assert_eq!(whole(store, key).unwrap(), b"first");
    let again = put_as(store, key, b"second", &PutMode::Create);
    let expected = if quirks.create.refuses(again, "create again") { &b"first"[..] } else { b"second" };
    assert_eq!(whole(store, key).unwrap(), expected);
    // What was deleted can be created.
    store.delete(key).unwrap();
    put_as(store, key, b"third", &PutMode::Create).unwrap();
    assert_eq!(whole(store, key).unwrap(), b"third");
    store.delete(key).unwrap();
}

fn replace(store: &dyn ObjectStore, quirks: &Quirks, key: &str) {
    put(store, key, b"one");
    let Some(old) = version(store, key) else { return };
    put(store, key, b"two");
    let replace = |bytes: &[u8], version: &Version| put_as(store, key, bytes, &PutMode::Replace(version.clone()));
    let checked = quirks.replace.refuses(replace(b"lost", &old), "replace an old version");
    if !checked {
        return;
    }
    assert_eq!(whole(store, key).unwrap(), b"two");
    let now = version(store, key).unwrap();
    let new = replace(b"three", &now).unwrap_or_else(|error| panic!("replace: {}", error.chain()));
    assert_eq!(whole(store, key).unwrap(), b"three");
    assert!(new.is_none() || new == version(store, key));
    let error = replace(b"lost", &now).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{}", error.chain());
    let now = version(store, key).unwrap();
    store.delete(key).unwrap();
    let error = replace(b"lost", &now).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{}", error.chain());
    assert_eq!(store.head(key).unwrap(), None);
}

fn delete(store: &dyn ObjectStore, quirks: &Quirks, key: &str) {
    put(store, key, b"one");
    let Some(old) = version(store, key) else { return };
    put(store, key, b"two");
    let checked = quirks.delete_if.refuses(store.delete_if(key, &old), "delete an old version");
    if !checked {
        return store.delete(key).unwrap();
    }
    assert_eq!(whole(store, key).unwrap(), b"two");
    let now = version(store, key).unwrap();
    store.delete_if(key, &now).unwrap_or_else(|error| panic!("delete: {}", error.chain()));
    assert_eq!(store.head(key).unwrap(), None);
    store.delete_if(key, &now).unwrap_or_else(|error| panic!("delete again: {}", error.chain()));
}
