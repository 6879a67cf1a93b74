use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use proptest::prelude::*;

use super::index::Index;
use super::manifest::Manifest;
use super::write::Committed;
use super::*;
use crate::base::{Digest, Error};
use crate::cache_config::CacheConfig;
use crate::files::make_fifo;
use crate::object::BlobSource;

mod file_systems;

fn fixture(name: &str) -> PathBuf {
    Path::new("tests/fixtures").join(name)
}

fn s3(path: &str) -> CacheConfig {
    CacheConfig::from_s3_json(&fs::read(fixture(path)).unwrap()).unwrap()
}

/// Creates something other than a regular file at a path.
type Make = fn(&Path);

/// Returns the path and bytes of every file below `dir`.
fn tree(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.push((path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn copy_tree(from: &Path, to: &Path) {
    for (path, bytes) in tree(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Writes `config` with its blobs from `source`, like an import.
fn restore(config: &CacheConfig, source: &Path, target: &LocalCache) -> Committed {
    let source = LocalCache::create(source, "latest");
    let writer = target.begin_write().unwrap();
    for (digest, size) in config.blobs() {
        let mut bytes = Vec::new();
        source.open_blob(&digest).unwrap().read_to_end(&mut bytes).unwrap();
        let mut blob = writer.blob(&digest, size).unwrap();
        bytes.chunks(1000).for_each(|chunk| blob.write(chunk).unwrap());
        assert!(blob.finish().unwrap());
    }
    writer.commit(config).unwrap()
}

#[test]
fn an_import_writes_the_very_files_buildkit_wrote() {
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
fn both_forms_load_as_the_s3_manifest_of_the_same_build() {
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
    let digest = Digest::of(&s3("max/s3-manifest.json").to_local_json());
    assert_eq!(Manifest::parse(&manifest).unwrap().config.digest, digest);
    assert!(!fixture("max/local/index.json.lock").exists());
}

#[test]
fn an_unknown_tag_lists_those_there_are() {
    let error = LocalCache::open(fixture("two-tags/local"), "third").unwrap().load().unwrap_err();
    assert!(matches!(error, Error::Usage(_)));
    assert!(error.to_string().ends_with(r#"there is no cache tagged "third""#), "{error}");
    assert_eq!(error.hint(), Some(r#"the directory has "first", "second""#));
}

#[test]
fn the_only_entry_is_latest_whatever_its_tag() {
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
fn entries_without_a_tag_that_repeat_a_digest_count_once() {
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
fn of_several_entries_without_a_tag_one_is_chosen_by_its_digest() {
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

#[test]
fn an_index_is_read_as_go_reads_it() {
    let entry = |tag: &[u8]| {
        let digest = Digest::of(b"").to_string();
        [
            br#"{"digest":""#,
            digest.as_bytes(),
            br#"","annotations":{"org.opencontainers.image.ref.name":""#,
            tag,
            b"\"}}",
        ]
        .concat()
    };
    let deep = [vec![b'['; 1000], vec![b']'; 1000]].concat();
    let json = [
        &b"{\"a\xff\":\"\xff\",\"\\ud800\":1,\"deep\":"[..],
        &deep,
        b",\"manifests\":[",
        &entry(b"bad \xc3 byte"),
        b",",
        &entry(b"\\udc00"),
        b"]}",
    ]
    .concat();
    let mut index = Index::parse(&json).unwrap();
    assert!(index.find("bad \u{fffd} byte").is_ok() && index.find("\u{fffd}").is_ok());
    index.set("new", "m", &Digest::of(b""), 0).unwrap();
    let printed = index.print();
    let text = std::str::from_utf8(&printed).unwrap();
    assert!(text.contains("\"a\u{fffd}\":\"\u{fffd}\",\"\u{fffd}\":1,\"deep\":[[["), "{text}");
    assert_eq!(Index::parse(&printed).unwrap().print(), printed);
    // Outside of strings, such a byte is still invalid.
    assert!(matches!(Index::parse(b"{\xff}"), Err(Error::Integrity(_))));
}

#[test]
fn what_is_not_a_cache_directory_says_how_to_get_one() {
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
    assert!(change(&format!("blobs/sha256/{digest}"), "71147", "71148").contains("does not have its digest"));
    assert!(change(&format!("blobs/sha256/{config}"), "records", "recordz").contains("does not have its digest"));
    assert!(change(&format!("blobs/sha256/{config}"), "records", "").contains("bytes instead of 4415"));
}

#[test]
fn manifests_that_are_no_caches_are_refused() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let config = format!(r#"{{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"{digest}","size":1}}"#);
    let bad = r#"{"mediaType":"x","digest":"sha256:../../x","size":1}"#;
    let index = "application/vnd.oci.image.index.v1+json";
    for (json, why) in [
        (r#"{"config":{"mediaType":"application/vnd.oci.image.config.v1+json"}}"#.to_owned(), "refers to no"),
        ("{}".to_owned(), "refers to no"),
        (format!(r#"{{"layers":[{config}]}}"#), "refers to no"),
        (format!(r#"{{"config":{config},"manifests":[]}}"#), "both"),
        (format!(r#"{{"mediaType":"{index}","config":{config}}}"#), "media type"),
        (format!(r#"{{"config":{config},"layers":[{bad}]}}"#), "is not a digest"),
        (format!(r#"{{"manifests":[{config},{bad}]}}"#), "is not a digest"),
        ("[]".to_owned(), "not a cache manifest"),
        ("{} x".to_owned(), "not a cache manifest"),
    ] {
        let error = Manifest::parse(json.as_bytes()).unwrap_err();
        assert!(matches!(&error, Error::Integrity(_)) && error.chain().contains(why), "{json}: {error:?}");
    }
    let docker = "application/vnd.docker.distribution.manifest.list.v2+json";
    let list = format!(r#"{{"mediaType":"{docker}","manifests":[{config}]}}"#);
    assert_eq!(Manifest::parse(list.as_bytes()).unwrap().config.size, 1);
    assert_eq!(Manifest::parse(format!(r#"{{"config":{config}}}"#).as_bytes()).unwrap().config.size, 1);
}

#[test]
fn an_image_name_wins_over_a_tag() {
    let entry = |annotation: &str, digit: &str| {
        let digest = digit.repeat(64);
        format!(r#"{{"digest":"sha256:{digest}","size":1,"annotations":{{"{annotation}":"app"}}}}"#)
    };
    let (tag, name) = (entry("org.opencontainers.image.ref.name", "1"), entry("io.containerd.image.name", "2"));
    let mut index = Index::parse(format!(r#"{{"manifests":[{tag},{name}]}}"#).as_bytes()).unwrap();
    assert_eq!(index.find("app").unwrap().digest.hex(), "2".repeat(64));
    assert!(matches!(index.set("app", "x", &Digest::of(b""), 0), Err(Error::Conflict(_))));
}

#[test]
fn what_others_wrote_into_the_index_stays() {
    let old = r#"{ "x": {"b":1.0,"a":[1e400]}, "manifests": [
        {"digest":"other","size":1,"annotations":{"org.opencontainers.image.ref.name":"other"},"platform":{}},
        {"digest":"old","annotations":{"org.opencontainers.image.ref.name":"latest"}},
        {"digest":"named","annotations":{"org.opencontainers.image.ref.name":"latest","io.containerd.image.name":"n"}}
    ], "annotations": null, "schemaVersion": 2 }"#;
    let mut index = Index::parse(old.as_bytes()).unwrap();
    index.set("latest", "m", &Digest::of(b""), 7).unwrap();
    let new = concat!(
        r#"{"mediaType":"application/vnd.oci.image.index.v1+json","x":{"b":1.0,"a":[1e400]},"manifests":["#,
        r#"{"digest":"other","size":1,"annotations":{"org.opencontainers.image.ref.name":"other"},"platform":{}},"#,
        r#"{"digest":"named","annotations":{"org.opencontainers.image.ref.name":"latest","#,
        r#""io.containerd.image.name":"n"}},{"mediaType":"m","#,
        r#""digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":7,"#,
        r#""annotations":{"org.opencontainers.image.ref.name":"latest"}}],"annotations":null,"schemaVersion":2}"#
    );
    assert_eq!(String::from_utf8(index.print()).unwrap(), new);
    let empty = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    for text in ["", "{}", "null", r#"{"manifests":null,"schemaVersion":0,"mediaType":""}"#] {
        let printed = Index::parse(text.as_bytes()).unwrap().print();
        assert_eq!(Index::parse(&printed).unwrap().print(), printed);
        assert_eq!(printed.len(), empty.len());
    }
    assert_eq!(Index::parse(b"").unwrap().print(), empty.as_bytes());
}

#[test]
fn modes_are_buildkits() {
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

#[test]
fn the_sizes_of_a_commit_are_known_before() {
    for (local, tag) in [("max/local", "latest"), ("min/local", "latest"), ("two-tags/local", "second")] {
        let dir = tempfile::tempdir().unwrap();
        let config = LocalCache::open(fixture(local), tag).unwrap().load().unwrap();
        let cache = LocalCache::create(dir.path(), "latest");
        assert_eq!(Committed::predict(&config), restore(&config, &fixture(local), &cache), "{local}");
    }
    let dir = tempfile::tempdir().unwrap();
    let empty = CacheConfig::default();
    let committed = LocalCache::create(dir.path(), "latest").begin_write().unwrap().commit(&empty).unwrap();
    assert_eq!(Committed::predict(&empty), committed);
}

#[test]
fn a_wrong_blob_leaves_nothing() {
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
fn a_blob_that_is_there_is_told_by_size_and_by_digest() {
    let dir = tempfile::tempdir().unwrap();
    let cache = LocalCache::create(dir.path(), "latest");
    let right = Digest::of(b"right");
    let writer = cache.begin_write().unwrap();
    fs::write(cache.blob_path(&right), "wrong").unwrap();
    assert!(cache.has_blob(&right, 5).unwrap() && !cache.has_blob(&right, 4).unwrap());
    assert!(!cache.verify_blob(&right).unwrap());
    let mut blob = writer.blob(&right, 5).unwrap();
    blob.write(b"right").unwrap();
    assert!(blob.finish().unwrap());
    assert!(cache.has_blob(&right, 5).unwrap() && cache.verify_blob(&right).unwrap());
}

#[test]
fn links_fifos_and_directories_in_the_place_of_files_are_errors() {
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

#[test]
fn the_directory_itself_may_be_a_link() {
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
fn writers_in_one_directory_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("shared");
    let config = s3("min/s3-manifest.json");
    thread::scope(|scope| {
        for writer in 0..4 {
            let (at, config) = (&at, &config);
            scope.spawn(move || {
                for round in 0..10 {
                    let cache = LocalCache::create(at, &format!("tag-{writer}-{round}"));
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
fn a_directory_nobody_may_write_to_is_read_without_the_lock() {
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
fn a_start_removes_what_a_killed_run_left() {
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

proptest! {
    #[test]
    fn any_tag_is_found_again(tags in prop::collection::vec(any::<String>(), 1..5)) {
        let mut index = Index::parse(b"").unwrap();
        for (at, tag) in tags.iter().enumerate() {
            index.set(tag, "m", &Digest::of(&[]), at as u64).unwrap();
        }
        let again = Index::parse(&index.print()).unwrap();
        prop_assert_eq!(again.print(), index.print());
        for tag in &tags {
            let last = tags.iter().rposition(|other| other == tag).unwrap();
            prop_assert_eq!(again.find(tag).unwrap().size, last as u64);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Manifest::parse(&bytes);
        if let Ok(index) = Index::parse(&bytes) {
            let printed = index.print();
            prop_assert_eq!(Index::parse(&printed).unwrap().print(), printed);
        }
    }
}

#[test]
fn checking_a_blob_can_be_ended() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, digest) = (LocalCache::create(dir.path(), "latest"), Digest::of(&[7; 1000]));
    let mut blob = cache.begin_write().unwrap().blob(&digest, 1000).unwrap();
    blob.write(&[7; 1000]).unwrap();
    assert!(blob.finish().unwrap());
    assert!(cache.verify_blob(&digest).unwrap());
    assert!(matches!(cache.verify_blob_while(&digest, || Err(Error::Cancelled)), Err(Error::Cancelled)));
}
