//! Compares with the files that BuildKit wrote.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use crate::base::Digest;
use crate::cache_config::{CacheConfig, Crown};
use crate::layout::DocumentSizes;
use crate::layout::LocalCache;
use crate::layout::index::Index;
use crate::layout::manifest::Manifest;
use crate::layout::tests::{fixture, restore, s3, tree};
use crate::object::BlobSource;

#[test]
fn writing_a_cache_produces_the_same_files_as_buildkit() {
    for name in ["max", "min"] {
        let dir = tempfile::tempdir().unwrap();
        let local = fixture(name).join("local");
        restore(&s3(&format!("{name}/s3-manifest.json")), &local, &LocalCache::create(dir.path(), "latest"));
        assert!(tree(dir.path()) == tree(&local), "{name}");
    }
    let dir = tempfile::tempdir().unwrap();
    let local = fixture("two-tags/local");
    let cache = |tag| LocalCache::create(dir.path().join("new/dir"), tag);
    restore(&s3("max/s3-manifest.json"), &local, &cache("first"));
    restore(&s3("two-tags/s3-manifest-second.json"), &local, &cache("second"));
    assert!(tree(&dir.path().join("new/dir")) == tree(&local));
    // Writing it again only changes the order of the tags, as in BuildKit.
    restore(&s3("max/s3-manifest.json"), &local, &cache("first"));
    assert_eq!(cache("second").load().unwrap(), s3("two-tags/s3-manifest-second.json"));
    assert_eq!(tree(&dir.path().join("new/dir")).len(), tree(&local).len());
}

#[test]
fn both_manifest_forms_load_as_the_s3_manifest_of_the_same_build() {
    for (local, tag, manifest) in [
        ("max/local", "latest", "max/s3-manifest.json"),
        ("max-index/local", "latest", "max/s3-manifest.json"),
        ("min/local", "latest", "min/s3-manifest.json"),
        ("two-tags/local", "first", "max/s3-manifest.json"),
        ("two-tags/local", "second", "two-tags/s3-manifest-second.json"),
    ] {
        let config = LocalCache::open(fixture(local), tag).unwrap().load().unwrap();
        assert!(config.to_s3_json() == fs::read(fixture(manifest)).unwrap(), "{local} {tag}");
    }
    let index = fs::read(fixture("max-index/local/index.json")).unwrap();
    let cache = LocalCache::open(fixture("max-index/local"), "latest").unwrap();
    let digest = Index::parse(&index).unwrap().find("latest").unwrap().digest;
    let mut manifest = Vec::new();
    cache.open_blob(&digest).unwrap().read_to_end(&mut manifest).unwrap();
    let digest = Digest::of(&s3("max/s3-manifest.json").to_local_json(Crown::Plain));
    assert_eq!(Manifest::parse(&manifest).unwrap().config.digest, digest);
    assert!(!fixture("max/local/index.json.lock").exists());
}

#[test]
fn document_sizes_match_what_a_commit_writes() {
    for (local, tag) in [("max/local", "latest"), ("min/local", "latest"), ("two-tags/local", "second")] {
        let dir = tempfile::tempdir().unwrap();
        let config = LocalCache::open(fixture(local), tag).unwrap().load().unwrap();
        let cache = LocalCache::create(dir.path(), "latest");
        assert_eq!(DocumentSizes::of(&config), restore(&config, &fixture(local), &cache), "{local}");
    }
    let dir = tempfile::tempdir().unwrap();
    let empty = CacheConfig::default();
    let committed = LocalCache::create(dir.path(), "latest").begin_write().unwrap().commit(&empty).unwrap();
    assert_eq!(DocumentSizes::of(&empty), committed);
}

#[test]
fn files_have_the_same_modes_as_buildkits() {
    let dir = tempfile::tempdir().unwrap();
    let cache = LocalCache::create(dir.path().join("c"), "latest");
    let config = s3("min/s3-manifest.json");
    let committed = restore(&config, &fixture("min/local"), &cache);
    assert_eq!((committed.config_size, committed.manifest_size), (3126, 1228));
    let mode = |name: &str| fs::metadata(cache.dir().join(name)).unwrap().permissions().mode() & 0o777;
    // The umask affects all modes equally.
    let (file, folder) = (mode("index.json"), mode("blobs/sha256"));
    assert_eq!((file & 0o700, mode("oci-layout"), folder & 0o700), (0o600, file, 0o700));
    let blob = config.layers()[0].blob;
    assert_eq!(mode(&format!("blobs/sha256/{}", blob.hex())), file & 0o444);
    fs::set_permissions(cache.dir().join("index.json"), PermissionsExt::from_mode(0o660)).unwrap();
    restore(&config, &fixture("min/local"), &cache);
    assert_eq!(mode("index.json"), 0o660);
}
