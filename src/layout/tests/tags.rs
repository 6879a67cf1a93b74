//! How a tag or a digest selects a cache.

use std::fs;

use crate::base::Digest;
use crate::base::Error;
use crate::layout::LocalCache;
use crate::layout::index::Index;
use crate::layout::tests::{copy_tree, fixture, restore, s3};

#[test]
fn an_unknown_tag_lists_the_existing_ones() {
    let error = LocalCache::open(fixture("two-tags/local"), "third").unwrap().load().unwrap_err();
    assert!(matches!(error, Error::Usage(_)));
    assert!(error.to_string().ends_with(r#"there is no cache tagged "third""#), "{error}");
    assert_eq!(error.hint(), Some(r#"the directory has "first", "second""#));
}

#[test]
fn latest_finds_the_only_entry_whatever_its_tag() {
    let annotations = r#"{"org.opencontainers.image.ref.name":"latest"}"#;
    for other in
        ["null", "{}", r#"{"org.opencontainers.image.ref.name":"v1"}"#, r#"{"io.containerd.image.name":"a:b"}"#]
    {
        let dir = tempfile::tempdir().unwrap();
        copy_tree(&fixture("min/local"), dir.path());
        let path = dir.path().join("index.json");
        let index = fs::read_to_string(&path).unwrap();
        assert!(index.contains(annotations));
        fs::write(&path, index.replace(annotations, other)).unwrap();
        let load = |tag| LocalCache::open(dir.path(), tag).unwrap().load();
        assert_eq!(load("latest").unwrap(), s3("min/s3-manifest.json"), "{other}");
        // The user asked for another tag explicitly.
        assert!(matches!(load("v2").unwrap_err(), Error::Usage(_)));
        // An import keeps the existing entry, and its new entry is then the one with the tag.
        restore(&s3("max/s3-manifest.json"), &fixture("max/local"), &LocalCache::create(dir.path(), "latest"));
        assert!(fs::read_to_string(&path).unwrap().contains(other));
        assert_eq!(load("latest").unwrap(), s3("max/s3-manifest.json"));
    }
}

#[test]
fn untagged_entries_with_the_same_digest_count_once() {
    let (first, second) = (Digest::of(b"first"), Digest::of(b"second"));
    let entry = |digest: &Digest| format!(r#"{{"mediaType":"m","digest":"{digest}","size":5}}"#);
    let index = |digests: &[&Digest]| {
        let entries: Vec<String> = digests.iter().map(|digest| entry(digest)).collect();
        Index::parse(format!(r#"{{"manifests":[{}]}}"#, entries.join(",")).as_bytes()).unwrap()
    };
    assert_eq!(index(&[&first, &first]).find("latest").unwrap().digest, first);
    let error = index(&[&first, &second, &first]).find("latest").unwrap_err();
    assert_eq!(error.hint().unwrap().matches(&first.to_string()).count(), 1, "{error:?}");
}

#[test]
fn an_untagged_entry_can_be_opened_by_digest() {
    let dir = tempfile::tempdir().unwrap();
    copy_tree(&fixture("two-tags/local"), dir.path());
    let path = dir.path().join("index.json");
    let index = fs::read_to_string(&path).unwrap();
    let parsed = Index::parse(index.as_bytes()).unwrap();
    let [first, second] = ["first", "second"].map(|tag| parsed.find(tag).unwrap().digest);
    fs::write(&path, index.replace("org.opencontainers.image.ref.name", "x")).unwrap();
    let error = LocalCache::open(dir.path(), "latest").unwrap().load().unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.contains(&format!("digest={first}")) && hint.contains(&format!("digest={second}")), "{hint}");
    let by_digest = |digest| LocalCache::open_digest(dir.path(), digest).unwrap().load();
    assert_eq!(by_digest(first).unwrap(), s3("max/s3-manifest.json"));
    assert_eq!(by_digest(second).unwrap(), s3("two-tags/s3-manifest-second.json"));
    let error = by_digest(Digest::of(b"absent")).unwrap_err();
    assert!(matches!(error, Error::Usage(_)) && error.hint().unwrap().contains(&first.to_string()), "{error:?}");
    // As in BuildKit, the index is not required.
    fs::remove_file(&path).unwrap();
    assert_eq!(by_digest(first).unwrap(), s3("max/s3-manifest.json"));
    assert!(by_digest(Digest::of(b"absent")).unwrap_err().hint().is_some());
    assert!(LocalCache::open_digest(dir.path().join("absent"), first).is_err());
}
