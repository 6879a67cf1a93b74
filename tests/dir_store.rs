//! The directory store in the conformance suite.

use std::sync::Arc;

use s3_build_cache::{DirStore, SystemClock};

use crate::conformance::{self, Quirks};

const QUIRKS: Quirks = Quirks {
    does_not_check_payload_hash: false,
    touch_does_not_move_last_modified: false,
    refuses_touch: false,
    copies_no_parts: false,
    copies_no_parts_of_parts: false,
    has_no_age: false,
    ignores_if_match: false,
    missing_bucket_is_empty: true,
    makes_missing_buckets: true,
    keys_are_paths: true,
    breaks_keys_with: &[],
};

fn store(root: &std::path::Path) -> DirStore {
    DirStore::new(root, "bucket", Arc::new(SystemClock::default())).unwrap()
}

#[test]
fn a_directory_is_an_object_store() {
    let root = tempfile::tempdir().unwrap();
    conformance::run(&store(root.path()), &QUIRKS);
}

#[test]
fn a_directory_is_listed_in_pages() {
    let root = tempfile::tempdir().unwrap();
    conformance::paging(&store(root.path()));
}

#[test]
fn an_absent_directory_is_an_empty_store() {
    let root = tempfile::tempdir().unwrap();
    conformance::missing_bucket(&store(&root.path().join("absent")), &QUIRKS);
    assert!(!root.path().join("absent").exists());
}
