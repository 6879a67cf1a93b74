//! The directory store in the conformance suite.

use std::sync::Arc;

use s3_build_cache::store::DirStore;
use s3_build_cache::time::SystemClock;

use crate::conformance::{self, Claim, Quirks};

fn quirks() -> Quirks {
    Quirks {
        missing_bucket_is_empty: true,
        makes_missing_buckets: true,
        keys_are_paths: true,
        presign: Claim::Unsupported,
        ..Quirks::default()
    }
}

fn store(root: &std::path::Path) -> DirStore {
    DirStore::new(root, "bucket", Arc::new(SystemClock::default())).unwrap()
}

#[test]
fn a_directory_is_an_object_store() {
    let root = tempfile::tempdir().unwrap();
    conformance::run(&store(root.path()), &quirks());
}

#[test]
fn a_directory_is_listed_in_pages() {
    let root = tempfile::tempdir().unwrap();
    conformance::paging(&store(root.path()));
}

#[test]
fn an_absent_directory_is_an_empty_store() {
    let root = tempfile::tempdir().unwrap();
    conformance::missing_bucket(&store(&root.path().join("absent")), &quirks());
    assert!(!root.path().join("absent").exists());
}
