//! Tests with file systems that refuse some calls or fail them.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use crate::base::{Digest, Error};
use crate::cache_config::{CacheConfig, Crown};
use crate::files::{Call, Refusing};
use crate::layout::gc::collect;
use crate::layout::index::Index;
use crate::layout::path::LayoutPath;
use crate::layout::tests::{blob_path, copy_tree, fixture, s3, tree};
use crate::layout::{GcOptions, LocalCache};
use crate::object::BlobSource;

const REFUSALS: [i32; 7] =
    [libc::EPERM, libc::EACCES, libc::EINVAL, libc::ENOSYS, libc::ENOTSUP, libc::ENOLCK, libc::EROFS];

fn min() -> CacheConfig {
    s3("min/s3-manifest.json")
}

/// Writes the cache `min` like an import.
fn write(target: &LocalCache, system: &Arc<Refusing>, sync: bool) -> crate::base::Result<()> {
    let mut writer = target.begin_write_on(system.clone())?;
    if sync {
        writer = writer.sync();
    }
    let source = LocalCache::create(fixture("min/local"), "latest");
    for (digest, size) in min().blobs() {
        let mut bytes = Vec::new();
        source.open_blob(&digest)?.read_to_end(&mut bytes).unwrap();
        let mut blob = writer.blob(&digest, size)?;
        blob.allocate()?;
        blob.write(&bytes)?;
        assert!(blob.finish()?);
    }
    writer.commit(&min()).map(drop)
}

fn refusing(calls: &[(Call, i32)]) -> Arc<Refusing> {
    Arc::new(Refusing::new(calls))
}

#[test]
fn refusals_that_do_not_matter_are_ignored() {
    for code in REFUSALS {
        let all = [Call::Lock, Call::SetMode, Call::SetLen, Call::Sync, Call::SyncDir, Call::RemoveReadOnly];
        let all = all.map(|call| (call, code));
        for calls in all.chunks(1).chain([&all[..]]) {
            let dir = tempfile::tempdir().unwrap();
            let (cache, system) = (LocalCache::create(dir.path().join("c"), "latest"), refusing(calls));
            for sync in [false, true] {
                write(&cache, &system, sync).unwrap();
                assert!(tree(cache.dir()) == tree(&fixture("min/local")), "{calls:?}");
                assert_eq!(fs::read_dir(cache.dir()).unwrap().count(), 3, "{calls:?}");
                assert_eq!(cache.load_on(&*system).unwrap(), min());
            }
        }
    }
}

#[test]
fn a_failed_write_keeps_the_old_cache_and_leaves_no_temporaries() {
    let full = [libc::EIO, libc::ENOSPC, libc::EDQUOT];
    let calls = [Call::Sync, Call::SyncDir, Call::SetLen];
    for (call, code) in calls.into_iter().flat_map(|call| full.map(|code| (call, code))) {
        let dir = tempfile::tempdir().unwrap();
        let cache = LocalCache::create(dir.path().join("c"), "latest");
        assert!(matches!(write(&cache, &refusing(&[(call, code)]), false), Err(Error::Io(_))), "{call:?} {code}");
        assert!(!cache.dir().join("index.json").exists());
        no_litter(cache.dir());
        copy_tree(&fixture("two-tags/local"), cache.dir());
        let before = fs::read(cache.dir().join("index.json")).unwrap();
        assert!(write(&cache, &refusing(&[(call, code)]), true).is_err());
        assert_eq!(fs::read(cache.dir().join("index.json")).unwrap(), before);
        no_litter(cache.dir());
    }
}

#[track_caller]
fn no_litter(dir: &Path) {
    for name in [".s3-build-cache", "index.json.lock"] {
        assert!(!dir.join(name).exists(), "{name}");
    }
}

#[test]
fn a_commit_that_cannot_succeed_fails_before_the_first_blob() {
    let calls = [(Call::Rename, libc::EXDEV), (Call::Rename, libc::EACCES), (Call::Lock, libc::EIO)];
    for call in calls {
        let dir = tempfile::tempdir().unwrap();
        let cache = LocalCache::create(dir.path().join("new/c"), "latest");
        assert!(matches!(cache.begin_write_on(refusing(&[call])), Err(Error::Io(_))), "{call:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{call:?}");
    }
    // This includes a lock that another process holds: see `lock`.
}

#[test]
fn the_preflight_leaves_nothing_behind_and_keeps_an_empty_blob() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, empty) = (LocalCache::create(dir.path(), "latest"), Digest::of(b""));
    drop(cache.begin_write().unwrap());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let blob = cache.begin_write().unwrap().blob(&empty, 0).unwrap();
    assert!(blob.finish().unwrap());
    drop(cache.begin_write().unwrap());
    assert!(cache.has_blob(&empty, 0).unwrap());
}

#[test]
fn a_first_import_works_without_permission_to_remove_files() {
    for code in [libc::EPERM, libc::EACCES, libc::EROFS] {
        let dir = tempfile::tempdir().unwrap();
        let (cache, system) = (LocalCache::create(dir.path().join("c"), "latest"), refusing(&[(Call::Remove, code)]));
        write(&cache, &system, false).unwrap();
        assert_eq!(cache.load().unwrap(), min());
        // The preflight leaves a valid blob behind.
        assert!(cache.has_blob(&Digest::of(b""), 0).unwrap());
    }
    let dir = tempfile::tempdir().unwrap();
    let cache = LocalCache::create(dir.path().join("c"), "latest");
    assert!(matches!(cache.begin_write_on(refusing(&[(Call::Remove, libc::EIO)])), Err(Error::Io(_))));
}

/// SMB and WSL refuse to rename over a read-only file and to remove it.
#[test]
fn a_corrupt_read_only_blob_is_replaced() {
    let code = libc::EACCES;
    for calls in [
        &[(Call::RenameOverReadOnly, code), (Call::RemoveReadOnly, code)][..],
        &[(Call::RenameOverReadOnly, libc::EPERM), (Call::SetMode, libc::EPERM)],
        &[(Call::RenameOverReadOnly, libc::EEXIST), (Call::RemoveReadOnly, code)],
        &[(Call::RenameOverReadOnly, libc::EEXIST), (Call::SetMode, libc::EPERM)],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (cache, system) = (LocalCache::create(dir.path(), "latest"), refusing(calls));
        write(&cache, &system, false).unwrap();
        let path = blob_path(&cache, &min().layers()[0].blob);
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        fs::write(&path, "wrong").unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o444)).unwrap();
        // The other blobs are valid and stay.
        write(&cache, &system, false).unwrap();
        assert!(tree(dir.path()) == tree(&fixture("min/local")), "{calls:?}");
        no_litter(dir.path());
    }
}

#[test]
fn a_read_only_index_that_cannot_be_replaced_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let cache = LocalCache::create(dir.path(), "latest");
    copy_tree(&fixture("two-tags/local"), cache.dir());
    let index = dir.path().join("index.json");
    let before = fs::read(&index).unwrap();
    fs::set_permissions(&index, PermissionsExt::from_mode(0o444)).unwrap();
    let system = refusing(&[(Call::RenameOverReadOnly, libc::EPERM), (Call::SetMode, libc::EPERM)]);
    assert!(matches!(write(&cache, &system, false), Err(Error::Io(_))));
    assert_eq!(fs::read(&index).unwrap(), before);
    no_litter(dir.path());
    for code in [libc::EPERM, libc::EEXIST] {
        fs::set_permissions(&index, PermissionsExt::from_mode(0o644)).unwrap();
        fs::write(&index, &before).unwrap();
        fs::set_permissions(&index, PermissionsExt::from_mode(0o444)).unwrap();
        write(&cache, &refusing(&[(Call::RenameOverReadOnly, code)]), false).unwrap();
        assert_eq!(fs::metadata(&index).unwrap().mode() & 0o777, 0o444);
        assert_eq!(cache.load().unwrap(), min());
    }
}

#[test]
fn a_valid_config_and_manifest_are_not_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, system) = (LocalCache::create(dir.path(), "latest"), refusing(&[]));
    write(&cache, &system, false).unwrap();
    let index = fs::read(dir.path().join("index.json")).unwrap();
    let manifest = Index::parse(&index).unwrap().find("latest").unwrap();
    let paths =
        [Digest::of(&min().to_local_json(Crown::Plain)), manifest.digest].map(|digest| blob_path(&cache, &digest));
    let inodes = || paths.each_ref().map(|path| fs::metadata(path).unwrap().ino());
    let before = inodes();
    cache.begin_write().unwrap().commit(&min()).unwrap();
    assert_eq!(inodes(), before);
    // An invalid blob of the right size is replaced.
    let bytes = fs::read(&paths[0]).unwrap();
    fs::set_permissions(&paths[0], PermissionsExt::from_mode(0o644)).unwrap();
    fs::write(&paths[0], vec![b' '; bytes.len()]).unwrap();
    cache.begin_write().unwrap().commit(&min()).unwrap();
    assert_eq!(fs::read(&paths[0]).unwrap(), bytes);
}

#[test]
fn sync_flushes_every_blob_and_directory_before_the_index() {
    let syncs_before_the_index = |cache: &LocalCache, sync: bool, all_present: bool| {
        let system = refusing(&[]);
        let _ = fs::remove_file(cache.dir().join("oci-layout"));
        if all_present {
            let mut writer = cache.begin_write_on(system.clone()).unwrap();
            if sync {
                writer = writer.sync();
            }
            writer.commit(&min()).unwrap();
        } else {
            write(cache, &system, sync).unwrap();
        }
        let made = system.made.lock().unwrap();
        let index = made.iter().rposition(|call| *call == Call::Rename).unwrap();
        let count = |wanted: Call| made[..index].iter().filter(|call| **call == wanted).count();
        (count(Call::Sync), count(Call::SyncDir))
    };
    let blobs = min().blobs().len();
    for all_present in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let cache = LocalCache::create(dir.path().join("c"), "latest");
        if all_present {
            write(&cache, &refusing(&[]), false).unwrap();
        }
        let without = syncs_before_the_index(&cache, false, all_present);
        let with = syncs_before_the_index(&cache, true, all_present);
        assert_eq!(with.0, without.0 + blobs, "{with:?} {without:?}");
        assert!(with.1 > without.1, "{with:?} {without:?}");
    }
}

/// Blobs are read-only, as in BuildKit.
#[test]
fn garbage_is_removed_where_read_only_files_cannot_be() {
    for (code, is_removed) in [(libc::EPERM, true), (libc::EACCES, true), (libc::EIO, false)] {
        let dir = tempfile::tempdir().unwrap();
        copy_tree(&fixture("min/local"), dir.path());
        let left = LayoutPath::new(dir.path()).blob(&Digest::of(b"left behind"));
        fs::write(&left, "left behind").unwrap();
        fs::set_permissions(&left, fs::Permissions::from_mode(0o444)).unwrap();
        let system = Arc::new(Refusing::new(&[(Call::RemoveReadOnly, code)]));
        let collected = collect(&LayoutPath::new(dir.path()), &GcOptions::new(), system);
        assert_eq!((collected.is_ok(), left.exists()), (is_removed, !is_removed), "{code}: {collected:?}");
    }
}
