//! Copies within the store, also of an object onto itself.

use std::thread;
use std::time::Duration;

use s3_build_cache::ErrorKind;
use s3_build_cache::object::{ObjectMeta, ObjectStore};

use super::{Quirks, put, whole};

pub(super) fn run(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str) {
    let (from, to) = (&format!("{prefix}copy/from a+b~"), &format!("{prefix}copy/to a+b~"));
    put(store, from, b"copied");
    let meta = store.head(from).unwrap().unwrap();
    let copied = store.copy(from, to, &meta);
    if quirks.copy.supports(copied, "copy").is_none() {
        return store.delete(from).unwrap();
    }
    assert_eq!(whole(store, to).unwrap(), b"copied");
    assert_eq!(whole(store, from).unwrap(), b"copied");
    put(store, to, b"another");
    let version = store.copy(from, to, &meta).unwrap();
    assert_eq!(whole(store, to).unwrap(), b"copied");
    let head = store.head(to).unwrap().unwrap();
    assert!(version.is_none() || version == head.version, "{version:?} {head:?}");
    store.delete(from).unwrap();
    let error = store.copy(from, to, &meta).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{}", error.chain());
    assert_eq!(whole(store, to).unwrap(), b"copied");
    store.delete(to).unwrap();
    touch(store, quirks, prefix);
}

fn touch(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str) {
    if quirks.refuses_touch {
        return;
    }
    let key = &format!("{prefix}touch me+a b");
    put(store, key, b"touched");
    if !quirks.touch_does_not_move_last_modified && !quirks.has_no_age {
        // Times in S3 have whole seconds.
        thread::sleep(Duration::from_millis(3100));
    }
    let old = store.head(key).unwrap().unwrap();
    store.touch(key, &old).unwrap_or_else(|error| panic!("touch: {}", error.chain()));
    let new = store.head(key).unwrap().unwrap();
    assert_eq!((new.size, whole(store, key).unwrap().as_slice()), (old.size, &b"touched"[..]));
    if !quirks.touch_does_not_move_last_modified && !quirks.has_no_age {
        assert!(old.age > new.age, "{:?} before, {:?} after", old.age, new.age);
        let instant = |meta: &ObjectMeta| meta.last_modified.expect("a store with ages has times").instant();
        assert!(instant(&old) < instant(&new), "{old:?} before, {new:?} after");
    }
    store.delete(key).unwrap();
    assert_eq!(store.touch(key, &old).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.head(key).unwrap(), None);
}
