//! Single objects: put, head, get, ranges, touch, delete, and unusual keys.

use std::ops::Range;

use s3_build_cache::object::{GetOptions, ObjectStore, PutMode};
use s3_build_cache::{Digest, ErrorKind};

use super::{Quirks, put, read, whole};

pub(super) fn run(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str) {
    let key = &format!("{prefix}objects/one");
    assert_eq!(store.head(key).unwrap(), None);
    assert!(whole(store, key).is_none());
    store.delete(key).unwrap();

    put(store, key, b"0123456789");
    let meta = store.head(key).unwrap().expect("the object was put");
    assert_eq!((meta.size, meta.readable), (10, true));
    assert!(quirks.has_no_age || meta.age.is_some(), "{meta:?}");
    assert_eq!(whole(store, key).unwrap(), b"0123456789");
    ranges(store, key);
    etags(store, quirks, key);

    put(store, key, b"other");
    assert_eq!(whole(store, key).unwrap(), b"other");
    assert_eq!(store.head(key).unwrap().unwrap().size, 5);
    put(store, key, b"");
    assert_eq!(store.head(key).unwrap().unwrap().size, 0);
    assert_eq!(whole(store, key).unwrap(), b"");

    if quirks.keys_are_paths {
        let error = store
            .put(&format!("{key}/below"), &s3_build_cache::object::BytesPayload::new(vec![1]), &PutMode::Overwrite)
            .unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Store), "{}", error.chain());
    } else {
        put(store, &format!("{key}/below"), b"below");
        assert_eq!(whole(store, key).unwrap(), b"");
        store.delete(&format!("{key}/below")).unwrap();
    }
    store.delete(key).unwrap();
    store.delete(key).unwrap();
    assert_eq!(store.head(key).unwrap(), None);
    assert!(whole(store, key).is_none());
}

fn ranges(store: &dyn ObjectStore, key: &str) {
    let range = |range: Range<u64>| {
        let object = store.get(key, &GetOptions::range(range.clone())).unwrap().unwrap();
        assert_eq!(object.size, 10, "the size is that of the whole object");
        read(store, key, &GetOptions::range(range)).unwrap().unwrap()
    };
    assert_eq!(range(0..10), b"0123456789");
    assert_eq!(range(0..1), b"0");
    assert_eq!(range(3..6), b"345");
    assert_eq!(range(9..10), b"9");
    assert_eq!(range(8..1000), b"89");
    for start in [10, 11] {
        let error = store.get(key, &GetOptions::range(start..20)).expect_err("there are only 10 bytes");
        assert_eq!(error.kind(), ErrorKind::InvalidRange, "from {start}: {}", error.chain());
    }
    let absent = format!("{key}-absent");
    assert!(store.get(&absent, &GetOptions::range(0..1)).unwrap().is_none());
}

fn etags(store: &dyn ObjectStore, quirks: &Quirks, key: &str) {
    let etag = || store.get(key, &GetOptions::default()).unwrap().unwrap().version;
    let Some(first) = etag() else { return };
    let mut options = GetOptions::range(2..4);
    options.if_match = Some(first.clone());
    assert_eq!(read(store, key, &options).unwrap().unwrap(), b"23");
    put(store, key, b"9876543210");
    assert_ne!(etag(), Some(first));
    if !quirks.ignores_if_match {
        let error = store.get(key, &options).expect_err("the object has changed since");
        assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{}", error.chain());
    }
}

pub(super) fn odd_keys(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str) {
    let sha256 = format!("blobs/{}", Digest::of(b"x"));
    let odd = [
        sha256.as_str(),
        "a space/and more",
        "plus+plus",
        "tilde~",
        "equals=ampersand&question?hash#",
        "percent%20%2F%",
        "quote'double\"back`",
        "(paren)[square]{curly}",
        "star*bang!at@dollar$comma,semicolon;colon:",
        "back\\slash|pipe^caret<less>",
        "ümlaut/日本語/\u{1F980}",
        "composed-\u{e9}",
        "decomposed-e\u{301}",
        "..dots../...",
        "-dash/_under/.hidden",
        "UPPER",
        "upper",
    ];
    let odd: Vec<String> = odd
        .into_iter()
        .filter(|key| !quirks.breaks_keys_with.iter().any(|part| key.contains(part)))
        .map(|key| format!("{prefix}odd/{key}"))
        .collect();
    for key in &odd {
        put(store, key, key.as_bytes());
    }
    for key in &odd {
        assert_eq!(store.head(key).unwrap().map(|meta| meta.size), Some(key.len() as u64), "{key}");
        assert_eq!(whole(store, key).as_deref(), Some(key.as_bytes()), "{key}");
        assert_eq!(super::keys(store, key), [key.as_str()], "{key}");
    }
    let mut sorted = odd.clone();
    sorted.sort();
    assert_eq!(super::keys(store, &format!("{prefix}odd/")), sorted);
    for key in &odd {
        store.delete(key).unwrap();
        assert_eq!(store.head(key).unwrap(), None, "{key}");
    }
}

pub(super) fn large(store: &dyn ObjectStore, prefix: &str) {
    let key = &format!("{prefix}large");
    let mut state = 1_u32;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(5 * 1024 * 1024 + 1)
    .collect();
    put(store, key, &bytes);
    assert_eq!(store.head(key).unwrap().unwrap().size, bytes.len() as u64);
    assert!(whole(store, key).unwrap() == bytes);
    let part = read(store, key, &GetOptions::range(1_000_000..4_000_001)).unwrap().unwrap();
    assert!(part == bytes[1_000_000..4_000_001]);
    // A body that is dropped half-read must not affect the next request.
    drop(store.get(key, &GetOptions::default()).unwrap().unwrap());
    assert!(whole(store, key).unwrap() == bytes);
    store.delete(key).unwrap();
}
