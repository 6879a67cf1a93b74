//! Writing and checking blobs.

use std::fs;

use crate::base::Digest;
use crate::base::Error;
use crate::layout::LocalCache;
use crate::layout::tests::{blob_path, tree};
use crate::object::BlobSource;

#[test]
fn a_corrupt_blob_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let cache = LocalCache::create(dir.path().join("a/b"), "latest");
    let right = Digest::of(b"right");
    let writer = cache.begin_write().unwrap();
    for (bytes, size) in [(&b"wrong"[..], 5), (b"righ", 5), (b"right", 6)] {
        let mut blob = writer.blob(&right, size).unwrap();
        blob.write(bytes).unwrap();
        assert!(!blob.finish().unwrap());
    }
    let mut blob = writer.blob(&right, 5).unwrap();
    blob.write(b"righ").unwrap();
    assert!(matches!(blob.write(b"tt"), Err(Error::Integrity(_))));
    drop(blob);
    assert!(!cache.has_blob(&right, 5).unwrap() && !cache.verify_blob(&right).unwrap());
    assert_eq!(cache.blob_size(&right).unwrap(), None);
    assert!(tree(dir.path()).is_empty());
    drop(writer);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_existing_blob_is_checked_by_size_or_by_digest() {
    let dir = tempfile::tempdir().unwrap();
    let cache = LocalCache::create(dir.path(), "latest");
    let right = Digest::of(b"right");
    let writer = cache.begin_write().unwrap();
    fs::write(blob_path(&cache, &right), "wrong").unwrap();
    assert!(cache.has_blob(&right, 5).unwrap() && !cache.has_blob(&right, 4).unwrap());
    assert!(!cache.verify_blob(&right).unwrap());
    let mut blob = writer.blob(&right, 5).unwrap();
    blob.write(b"right").unwrap();
    assert!(blob.finish().unwrap());
    assert!(cache.has_blob(&right, 5).unwrap() && cache.verify_blob(&right).unwrap());
}

#[test]
fn verifying_a_blob_can_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, digest) = (LocalCache::create(dir.path(), "latest"), Digest::of(&[7; 1000]));
    let mut blob = cache.begin_write().unwrap().blob(&digest, 1000).unwrap();
    blob.write(&[7; 1000]).unwrap();
    assert!(blob.finish().unwrap());
    assert!(cache.verify_blob(&digest).unwrap());
    assert!(matches!(cache.verify_blob_while(&digest, || Err(Error::Cancelled)), Err(Error::Cancelled)));
}
