//! Directories that hold no cache, or a damaged one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::base::Digest;
use crate::base::Error;
use crate::cache_config::CacheConfig;
use crate::files::make_fifo;
use crate::layout::LocalCache;
use crate::layout::tests::{copy_tree, fixture};
use crate::object::BlobSource;

/// Creates something other than a regular file at a path.
type Make = fn(&Path);

#[test]
fn a_directory_without_a_cache_gets_a_hint_how_to_write_one() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().to_owned(), dir.path().join("absent")] {
        let error = LocalCache::open(path, "latest").unwrap_err();
        assert!(error.hint().unwrap().contains("--cache-to type=local,dest=DIR"), "{error:?}");
    }
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(matches!(LocalCache::open(dir.path().join("file"), "latest"), Err(Error::Io(_))));
    assert!(LocalCache::create(dir.path().join("file"), "latest").begin_write().is_err());
}

#[test]
fn a_damaged_directory_is_an_integrity_error() {
    let digest = "b0ec433acc0d1e548dda3b19887818c148a96a65865eade78f0548ada0fc2750";
    let config = "e4f8c6eae71f6cfba001df6b697c342c794d12d85a2b2693adf7c6b563bef5e5";
    let change = |name: &str, from: &str, to: &str| {
        let dir = tempfile::tempdir().unwrap();
        copy_tree(&fixture("max/local"), dir.path());
        let path = dir.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        fs::write(&path, text.replace(from, to)).unwrap();
        let error = LocalCache::open(dir.path(), "latest").unwrap().load().unwrap_err();
        assert!(matches!(error, Error::Integrity(_)), "{error:?}");
        error.chain()
    };
    let hostile = format!("sha256:{digest}");
    assert!(change("index.json", &hostile, "sha256:../../x").contains("is not a digest"));
    assert!(change("index.json", "3847", "3846").contains("has 3847 bytes instead of 3846"));
    assert!(change("index.json", "3847", "-1").contains("has the size -1"));
    assert!(change("index.json", "3847", "99999999999").contains("more than the"));
    assert!(change("index.json", digest, &digest.replace('b', "c")).contains("is missing"));
    assert!(change("index.json", "\"manifests\":[", "\"manifests\":{").contains("not an OCI index"));
    assert!(change(&format!("blobs/sha256/{digest}"), "71147", "71148").contains("does not match its digest"));
    assert!(change(&format!("blobs/sha256/{config}"), "records", "recordz").contains("does not match its digest"));
    assert!(change(&format!("blobs/sha256/{config}"), "records", "").contains("bytes instead of 4415"));
}

#[test]
fn links_fifos_and_directories_in_place_of_files_are_errors() {
    let digest = Digest::of(b"blob");
    let blob = format!("blobs/sha256/{}", digest.hex());
    let kinds: [(&str, Make); 3] = [
        ("a symbolic link", |path| symlink("/etc/passwd", path).unwrap()),
        ("a FIFO", make_fifo),
        ("a directory", |path| fs::create_dir(path).unwrap()),
    ];
    for (is, make) in kinds {
        for name in ["index.json", "blobs", "blobs/sha256", &blob, "oci-layout", "index.json.lock", ".s3-build-cache"] {
            if is == "a directory" && matches!(name, "blobs" | "blobs/sha256" | ".s3-build-cache") {
                continue;
            }
            let dir = tempfile::tempdir().unwrap();
            copy_tree(&fixture("min/local"), dir.path());
            let path = dir.path().join(name);
            let _ = fs::remove_file(&path);
            let _ = fs::remove_dir_all(&path);
            make(&path);
            let cache = LocalCache::create(dir.path(), "latest");
            let wanted =
                |error: Error| assert!(error.chain().contains(&format!("it is {is}, not")), "{error:?} {name}");
            let write = || cache.begin_write()?.commit(&CacheConfig::default());
            if name == blob {
                wanted(cache.has_blob(&digest, 4).unwrap_err());
                wanted(cache.verify_blob(&digest).unwrap_err());
                wanted(cache.open_blob(&digest).err().unwrap());
            } else {
                wanted(write().unwrap_err());
            }
            if matches!(name, "index.json" | "blobs" | "blobs/sha256" | "index.json.lock") {
                wanted(cache.load().unwrap_err());
            }
            if is == "a symbolic link" {
                assert!(path.is_symlink());
            }
        }
    }
}
