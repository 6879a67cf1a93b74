//! What every object store must do, whichever it is: run against the directory store here, and against real S3 servers.
//!
//! It uses the crate's public API only. Everything it writes is below one prefix of its own, which it empties.

mod listing;
mod objects;
mod parts;
mod payload;

use std::io::{self, Read};

use s3_build_cache::{BytesPayload, GetOptions, ObjectStore, PutMode};

pub(crate) use listing::{missing_bucket, paging};

/// What a store is known not to do, and the suite therefore does not ask of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quirks {
    /// It stores a body whose SHA-256 is not the one that was signed.
    pub(crate) does_not_check_payload_hash: bool,
    /// A copy of an object onto itself leaves its time as it was.
    pub(crate) touch_does_not_move_last_modified: bool,
    /// It refuses the copy of an object onto itself.
    pub(crate) refuses_touch: bool,
    /// It cannot copy a part.
    pub(crate) copies_no_parts: bool,
    /// It copies no part of an object that was itself uploaded in parts.
    pub(crate) copies_no_parts_of_parts: bool,
    /// It says nothing of the age of objects.
    pub(crate) has_no_age: bool,
    /// It sends the object though its entity tag is another than the one asked for.
    pub(crate) ignores_if_match: bool,
    /// It answers for a bucket that does not exist as for an empty one.
    pub(crate) missing_bucket_is_empty: bool,
    /// It makes the bucket that an object is written to.
    pub(crate) makes_missing_buckets: bool,
    /// A key beside the same key and a slash is an error, as for files and directories.
    pub(crate) keys_are_paths: bool,
    /// Keys with one of these in them are refused or changed.
    pub(crate) breaks_keys_with: &'static [&'static str],
}

/// Runs the suite.
///
/// # Panics
/// When the store does not do what it must.
pub(crate) fn run(store: &dyn ObjectStore, quirks: &Quirks) {
    store.probe().unwrap();
    let prefix = unique_prefix();
    objects::run(store, quirks, &prefix);
    objects::odd_keys(store, quirks, &prefix);
    objects::large(store, &prefix);
    objects::touch(store, quirks, &prefix);
    payload::run(store, quirks, &prefix);
    parts::run(store, quirks, &prefix);
    listing::run(store, &prefix);
    empty(store, &prefix);
}

/// No two runs meet, also in one bucket.
fn unique_prefix() -> String {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("conformance-{}-{}/", std::process::id(), time.as_nanos())
}

fn put(store: &dyn ObjectStore, key: &str, bytes: &[u8]) {
    let put = store.put(key, &BytesPayload::new(bytes.to_vec()), &PutMode::Overwrite);
    put.unwrap_or_else(|error| panic!("put {key}: {}", error.chain()));
}

/// The bytes of an object; `None` when it does not exist.
fn read(store: &dyn ObjectStore, key: &str, options: &GetOptions) -> Option<io::Result<Vec<u8>>> {
    let object = store.get(key, options).unwrap_or_else(|error| panic!("get {key}: {}", error.chain()));
    object.map(|mut object| {
        let mut bytes = Vec::new();
        object.body.read_to_end(&mut bytes).map(|_| bytes)
    })
}

fn whole(store: &dyn ObjectStore, key: &str) -> Option<Vec<u8>> {
    read(store, key, &GetOptions::default()).map(|bytes| bytes.unwrap_or_else(|error| panic!("read {key}: {error}")))
}

/// All keys that begin with `prefix`, sorted.
fn keys(store: &dyn ObjectStore, prefix: &str) -> Vec<String> {
    let objects = store.objects(prefix, None);
    let mut keys: Vec<String> =
        objects.map(|object| object.unwrap_or_else(|error| panic!("{}", error.chain())).key).collect();
    keys.sort();
    keys
}

fn empty(store: &dyn ObjectStore, prefix: &str) {
    for key in keys(store, prefix) {
        store.delete(&key).unwrap();
    }
    assert_eq!(keys(store, prefix), Vec::<String>::new());
}
