//! The requirements for every object store. Run against the directory store, the test server and real S3 servers.
//!
//! Uses only the crate's public API. Everything is written below one prefix, which is emptied in the end.

mod claim;
mod conditions;
mod copy;
mod listing;
mod objects;
mod parts;
mod payload;
mod presigned;
mod uploads;

use std::io::{self, Read};

use s3_build_cache::object::{BytesPayload, GetOptions, ObjectStore, PutMode};

pub(crate) use claim::Claim;
pub(crate) use listing::{missing_bucket, paging};
pub(crate) use presigned::fetch;

/// Known deviations of a store, which the suite does not test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quirks {
    /// Stores a body whose SHA-256 differs from the signed one.
    pub(crate) does_not_check_payload_hash: bool,
    /// A copy of an object onto itself does not change its time.
    pub(crate) touch_does_not_move_last_modified: bool,
    /// Rejects a copy of an object onto itself.
    pub(crate) refuses_touch: bool,
    /// Cannot copy a part.
    pub(crate) copies_no_parts: bool,
    /// Cannot copy parts of an object that was itself uploaded in parts.
    pub(crate) copies_no_parts_of_parts: bool,
    /// Does not report the age of objects.
    pub(crate) has_no_age: bool,
    /// Ignores the entity tag that a request requires.
    pub(crate) ignores_if_match: bool,
    /// Treats a missing bucket as an empty one.
    pub(crate) missing_bucket_is_empty: bool,
    /// Creates the bucket that an object is written to.
    pub(crate) makes_missing_buckets: bool,
    /// Cannot store both a key and another that continues it after a slash, like files and directories.
    pub(crate) keys_are_paths: bool,
    /// Listing after a key omits the keys that continue it after a slash.
    pub(crate) start_after_skips_directories: bool,
    /// Aborts an upload by its id, whatever the key.
    pub(crate) aborts_by_id_alone: bool,
    /// Whether it copies objects.
    pub(crate) copy: Claim,
    /// Whether it writes objects in parts.
    pub(crate) parts: Claim,
    /// Whether it lists and aborts unfinished uploads.
    pub(crate) uploads: Claim,
    /// Whether it has URLs that need no credentials.
    pub(crate) presign: Claim,
    /// What it does when an existing object is to be created.
    pub(crate) create: Claim,
    /// What it does when another version is to be replaced.
    pub(crate) replace: Claim,
    /// What it does when another version is to be deleted.
    pub(crate) delete_if: Claim,
    /// Rejects or changes keys that contain one of these.
    pub(crate) breaks_keys_with: &'static [&'static str],
}

/// Runs the suite.
///
/// # Panics
/// If the store violates a requirement.
pub(crate) fn run(store: &dyn ObjectStore, quirks: &Quirks) {
    store.probe().unwrap();
    let prefix = unique_prefix();
    objects::run(store, quirks, &prefix);
    objects::odd_keys(store, quirks, &prefix);
    objects::large(store, &prefix);
    copy::run(store, quirks, &prefix);
    conditions::run(store, quirks, &prefix);
    payload::run(store, quirks, &prefix);
    parts::run(store, quirks, &prefix);
    uploads::run(store, quirks, &prefix);
    presigned::run(store, quirks, &prefix);
    listing::run(store, quirks, &prefix);
    empty(store, &prefix);
}

/// Returns a prefix that no other run uses.
fn unique_prefix() -> String {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("conformance-{}-{}/", std::process::id(), time.as_nanos())
}

fn put(store: &dyn ObjectStore, key: &str, bytes: &[u8]) {
    let put = store.put(key, &BytesPayload::new(bytes.to_vec()), &PutMode::Overwrite);
    put.unwrap_or_else(|error| panic!("put {key}: {}", error.chain()));
}

/// Returns the bytes of an object, or `None` if it does not exist.
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

/// Returns all keys that begin with `prefix`, sorted.
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
