//! Writers and what they share: the directory, the lock, leftovers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::thread;

use crate::layout::LocalCache;
use crate::layout::tests::{copy_tree, fixture, restore, s3, tree};

#[test]
fn the_cache_directory_may_be_a_symlink() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("real")).unwrap();
    symlink("real", dir.path().join("link")).unwrap();
    let cache = LocalCache::create(dir.path().join("link"), "latest");
    restore(&s3("min/s3-manifest.json"), &fixture("min/local"), &cache);
    assert_eq!(
        LocalCache::open(dir.path().join("link"), "latest").unwrap().load().unwrap(),
        s3("min/s3-manifest.json")
    );
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    assert!(LocalCache::create(dir.path().join("dangling"), "latest").begin_write().is_err());
}

#[test]
fn concurrent_writers_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("shared");
    let config = s3("min/s3-manifest.json");
    thread::scope(|scope| {
        for writer in 0..4 {
            let (at, config) = (&at, &config);
            scope.spawn(move || {
                for round in 0..10 {
                    let cache = LocalCache::create(at, format!("tag-{writer}-{round}"));
                    // Simulates a writer that gives up and removes any empty directories.
                    drop(cache.begin_write().unwrap());
                    restore(config, &fixture("min/local"), &cache);
                    assert_eq!(&cache.load().unwrap(), config);
                }
            });
        }
    });
    let files = tree(&at);
    let index = files.iter().find(|(name, _)| name == "index.json").unwrap();
    assert_eq!(String::from_utf8_lossy(&index.1).matches("tag-").count(), 40);
    assert_eq!(files.len(), tree(&fixture("min/local")).len());
}

/// Root can write there anyway, and then takes the lock. The outcome is the same.
#[test]
fn a_read_only_directory_is_read_without_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    copy_tree(&fixture("min/local"), dir.path());
    let mode = |mode| fs::set_permissions(dir.path(), PermissionsExt::from_mode(mode)).unwrap();
    mode(0o555);
    let config = LocalCache::open(dir.path(), "latest").unwrap().load();
    mode(0o755);
    assert_eq!(config.unwrap(), s3("min/s3-manifest.json"));
    assert!(!dir.path().join("index.json.lock").exists());
}

#[test]
fn a_new_writer_removes_leftovers_of_a_killed_run() {
    let dir = tempfile::tempdir().unwrap();
    copy_tree(&fixture("min/local"), dir.path());
    fs::create_dir(dir.path().join(".s3-build-cache")).unwrap();
    fs::write(dir.path().join(".s3-build-cache/left"), "half a blob").unwrap();
    fs::write(dir.path().join("index.json.lock"), "").unwrap();
    let cache = LocalCache::create(dir.path(), "latest");
    cache.begin_write().unwrap().commit(&s3("min/s3-manifest.json")).unwrap();
    assert!(tree(dir.path()) == tree(&fixture("min/local")));
    assert!(!dir.path().join(".s3-build-cache").exists());
}
