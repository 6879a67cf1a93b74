//! Unfinished multipart uploads.

use s3_build_cache::ErrorKind;
use s3_build_cache::object::{BytesPayload, ObjectStore, PutMode, UnfinishedUpload};

use super::{Quirks, put, whole};

/// The smallest part that all stores take.
const PART: usize = 5 * 1024 * 1024;

pub(super) fn run(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str) {
    let prefix = &format!("{prefix}uploads/");
    let list = || store.uploads(prefix).collect::<Result<Vec<UnfinishedUpload>, _>>();
    let Some(none) = quirks.uploads.supports(list(), "list uploads") else { return };
    assert_eq!(none, []);
    let keys = ["a b", "a b/c+d", "z~"].map(|name| format!("{prefix}{name}"));
    let begin = |key: &str| store.put_in_parts(key, 2 * PART as u64, &PutMode::Overwrite).unwrap();
    let open: Vec<_> = [&keys[0], &keys[1], &keys[1], &keys[2]].map(|key| begin(key)).into_iter().collect();
    let mut listed = list().unwrap();
    listed.sort_by(|a, b| (&a.key, &a.id).cmp(&(&b.key, &b.id)));
    let found: Vec<&str> = listed.iter().map(|upload| upload.key.as_str()).collect();
    assert_eq!(found, [&keys[0], &keys[1], &keys[1], &keys[2]]);
    assert_ne!(listed[1].id, listed[2].id);
    if !quirks.has_no_age {
        assert!(listed.iter().all(|upload| upload.initiated.is_some() && upload.age.is_some()), "{listed:?}");
    }
    let below = format!("{prefix}a b/");
    assert_eq!(store.uploads(&below).count(), 2);
    drop(open);
    assert_eq!(list().unwrap(), []);
    abort(store, quirks, &keys[0]);
    assert_eq!(list().unwrap(), []);
}

/// An upload that somebody else aborts fails, and leaves the object as it was.
fn abort(store: &dyn ObjectStore, quirks: &Quirks, key: &str) {
    put(store, key, b"before");
    let upload = store.put_in_parts(key, 5, &PutMode::Overwrite).unwrap();
    upload.put_part(1, 0, &BytesPayload::new(b"after".to_vec())).unwrap();
    let listed = store.uploads(key).next().unwrap().unwrap();
    if !quirks.aborts_by_id_alone {
        // The id belongs to another key: nothing of that upload is removed.
        let _ = store.abort_upload(&UnfinishedUpload::new(format!("{key}-other"), &listed.id));
        assert_eq!(store.uploads(key).count(), 1);
    }
    store.abort_upload(&listed).unwrap_or_else(|error| panic!("abort: {}", error.chain()));
    store.abort_upload(&listed).unwrap_or_else(|error| panic!("abort again: {}", error.chain()));
    assert_eq!(store.uploads(key).count(), 0);
    let error = upload.complete().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Store), "{}", error.chain());
    assert_eq!(whole(store, key).unwrap(), b"before");
    store.delete(key).unwrap();
}
