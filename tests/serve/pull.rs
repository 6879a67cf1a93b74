//! Imports through the server: BuildKit gets what an import writes.

use std::collections::BTreeMap;
use std::thread;

use s3_build_cache::cache_config::Crown;
use s3_build_cache::serve::{Mount, ServeOptions};
use s3_build_cache::{CacheConfig, Digest, LocalCache, S3Cache};

use super::client::{Client, blob, import, raw};
use super::{Serving, directory, documents, written};
use crate::s3::blobs::{Blobs, noise};
use crate::s3::{cache, export};
use crate::s3_server::{Operation, Server};

/// Imports into a directory and through the server, and compares.
fn same_as_an_import(cache: &S3Cache) {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path().join("imported");
    cache.import(&LocalCache::create(&dir, "latest")).unwrap();
    let serving = Serving::names(cache.clone());
    let hit = import(serving.address, "cache:latest").hit();
    assert!((hit.manifest, hit.config) == documents(&dir), "{cache:?}");
    assert!(!hit.layers.is_empty());
    for (digest, bytes) in &hit.layers {
        assert!(std::fs::read(dir.join("blobs/sha256").join(digest.hex())).unwrap() == *bytes);
    }
    let summary = serving.summary();
    assert_eq!((summary.manifests_found, summary.manifests_missed, summary.failures), (1, 0, 0));
    assert_eq!(summary.blobs_served, hit.layers.len() as u64);
    assert_eq!(summary.bytes_down, hit.layers.values().map(|bytes| bytes.len() as u64).sum::<u64>());
}

#[test]
fn a_served_cache_is_the_imported_one() {
    for fixture in ["max", "min", "max-index"] {
        let server = Server::start();
        let in_s3 = cache(&server, ",name=app");
        export(&in_s3, fixture).unwrap();
        same_as_an_import(&in_s3);
        let root = tempfile::tempdir().unwrap();
        let in_directory = directory(root.path(), ",name=app;main,prefix=p/");
        export(&in_directory, fixture).unwrap();
        same_as_an_import(&in_directory);
    }
}

/// Caches of which only the manifest is at hand: `COPY --link`, several platforms, several leaves. The blobs have the
/// right size, which is all that the manifest depends on.
#[test]
fn every_kind_of_manifest_is_served_as_an_import_writes_it() {
    for (fixture, compression) in [
        ("link/link-max.json", "+gzip"),
        ("link/link2-min.json", "+zstd"),
        ("link/l3-max.json", ""),
        ("merge/5-matrix/in-1.json", "+gzip"),
        ("merge/8-local-context/in-1.json", "+zstd"),
    ] {
        let text = std::fs::read_to_string(format!("tests/fixtures/{fixture}")).unwrap();
        let bytes = text.replace("layer.v1.tar+gzip", &format!("layer.v1.tar{compression}")).into_bytes();
        let config = CacheConfig::from_s3_json(&bytes).unwrap();
        for (attributes, crown) in [("", Crown::Plain), (",exact=true", Crown::Omit)] {
            let root = tempfile::tempdir().unwrap();
            let blobs = root.path().join("bucket/blobs");
            std::fs::create_dir_all(&blobs).unwrap();
            for (digest, size) in config.blobs() {
                let file = std::fs::File::create(blobs.join(digest.to_string())).unwrap();
                file.set_len(size).unwrap();
            }
            std::fs::create_dir_all(root.path().join("bucket/manifests")).unwrap();
            std::fs::write(root.path().join("bucket/manifests/buildkit"), &bytes).unwrap();
            let serving = Serving::names(directory(root.path(), attributes));
            let mut client = Client::new(serving.address);
            let manifest = client.get("/v2/cache/manifests/latest");
            let digest = manifest.json()["config"]["digest"].as_str().unwrap().to_owned();
            let served = client.get(&format!("/v2/cache/blobs/{digest}"));
            let expected = written(&config, |writer| writer.crown(crown));
            assert!((manifest.body, served.body) == expected, "{fixture}{attributes}");
        }
    }
}

#[test]
fn several_caches_are_merged_as_an_import_merges_them() {
    let (one, two) = (Server::start(), Server::start());
    export(&cache(&one, ""), "max").unwrap();
    let other = LocalCache::open("tests/fixtures/two-tags/local", "second").unwrap();
    cache(&two, "").export(&other).unwrap();
    let sources = vec![cache(&one, ""), cache(&two, "")];
    let work = tempfile::tempdir().unwrap();
    let dir = work.path().join("imported");
    let options = s3_build_cache::ImportOptions::new();
    s3_build_cache::import_from(&sources, &LocalCache::create(&dir, "latest"), &options).outcome.unwrap();
    let serving = Serving::start(vec![Mount::read_only("a/b", sources)], &ServeOptions::new());
    let hit = import(serving.address, "a/b:any-tag").hit();
    assert!((hit.manifest, hit.config) == documents(&dir));
}

#[test]
fn nothing_there_is_a_miss_that_names_what_was_looked_for() {
    let server = Server::start();
    let serving = Serving::names(cache(&server, ",name=app;main"));
    let why = import(serving.address, "cache:latest").miss();
    for part in ["404", "MANIFEST_UNKNOWN", "s3://cache/manifests/app", "s3://cache/manifests/main"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert_eq!(serving.summary().manifests_missed, 2);
}

/// A HEAD costs one request for the manifest and one page of the listing.
#[test]
fn a_cache_of_200_blobs_is_found_in_two_requests() {
    let server = Server::start();
    Blobs::of(&(1..=200).collect::<Vec<_>>()).put_into(&server);
    let serving = Serving::names(cache(&server, ""));
    server.take_requests();
    assert_eq!(Client::new(serving.address).head("/v2/cache/manifests/latest").status, 200);
    let operations: Vec<_> = server.take_requests().into_iter().map(|request| request.operation).collect();
    assert_eq!(operations, [Operation::GetObject, Operation::ListObjectsV2]);
}

#[test]
fn clients_that_ask_at_once_share_the_work() {
    let server = Server::start();
    Blobs::of(&[10, 20]).put_into(&server);
    let delay = std::time::Duration::from_millis(400);
    server.fault(crate::s3_server::Match::any().key("manifests/"), crate::s3_server::Fault::Delay(delay));
    let serving = Serving::names(cache(&server, ""));
    server.take_requests();
    thread::scope(|scope| {
        let ask = || Client::new(serving.address).head("/v2/cache/manifests/latest").status;
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        assert!(asked.into_iter().all(|asked| asked.join().unwrap() == 200));
    });
    let loaded = server.take_requests().iter().filter(|request| request.path.contains("manifests/")).count();
    assert_eq!(loaded, 1);
}

#[test]
fn a_moved_tag_is_seen_at_once_and_what_was_promised_stays() {
    let server = Server::start();
    let blobs = [Blobs::seeded(1, &[1000]), Blobs::seeded(2, &[2000])];
    let serving = Serving::names(cache(&server, ""));
    let mut client = Client::new(serving.address);
    let digests = blobs.map(|blobs| {
        blobs.put_into(&server);
        client.head("/v2/cache/manifests/latest").header("docker-content-digest").unwrap().to_owned()
    });
    assert_ne!(digests[0], digests[1]);
    for digest in digests {
        let manifest = client.get(&format!("/v2/cache/manifests/{digest}"));
        assert_eq!(Digest::of(&manifest.body).to_string(), digest);
    }
}

#[test]
fn ranges_are_answered_as_the_rfc_says() {
    let server = Server::start();
    let blobs = Blobs::of(&[300_000]);
    blobs.put_into(&server);
    let (digest, bytes) = blobs.bytes.iter().next().unwrap();
    let serving = Serving::names(cache(&server, ""));
    let mut client = Client::new(serving.address);
    let path = format!("/v2/cache/blobs/{digest}");
    for (range, status, expected) in [
        ("bytes=0-", 206, 0..300_000),
        ("bytes=0-9", 206, 0..10),
        ("bytes=299999-", 206, 299_999..300_000),
        ("bytes=-5", 206, 299_995..300_000),
        ("bytes=150000-150099", 206, 150_000..150_100),
        ("bytes=0-1,5-6", 200, 0..300_000),
        ("bytes=x", 200, 0..300_000),
    ] {
        let answer = client.send("GET", &path, &[("Range", range)], b"");
        assert_eq!(answer.status, status, "{range}");
        assert!(!answer.cut && answer.body == bytes[expected.clone()], "{range}");
        let given = format!("bytes {}-{}/300000", expected.start, expected.end - 1);
        assert_eq!(answer.header("content-range"), (status == 206).then_some(given.as_str()), "{range}");
    }
    let outside = client.send("GET", &path, &[("Range", "bytes=300000-")], b"");
    assert_eq!((outside.status, outside.header("content-range")), (416, Some("bytes */300000")));
    let stale = client.send("GET", &path, &[("Range", "bytes=5-"), ("If-Range", "\"other\"")], b"");
    assert_eq!((stale.status, stale.body.len()), (200, 300_000));
    let head = client.send("HEAD", &path, &[("Range", "bytes=5-")], b"");
    assert_eq!((head.status, head.header("content-length")), (200, Some("300000")));
    for (name, value) in
        [("docker-content-digest", digest.to_string()), ("content-type", "application/octet-stream".to_owned())]
    {
        assert_eq!(head.header(name), Some(value.as_str()));
    }
}

#[test]
fn the_config_and_an_unknown_blob_are_answered_too() {
    let server = Server::start();
    Blobs::of(&[10]).put_into(&server);
    let serving = Serving::names(cache(&server, ""));
    let mut client = Client::new(serving.address);
    let manifest = client.get("/v2/cache/manifests/latest").json();
    let config = manifest["config"]["digest"].as_str().unwrap().to_owned();
    let size = manifest["config"]["size"].as_u64().unwrap();
    let path = format!("/v2/cache/blobs/{config}");
    assert_eq!(client.head(&path).header("content-length"), Some(size.to_string().as_str()));
    let part = client.send("GET", &path, &[("Range", "bytes=1-3")], b"");
    assert_eq!((part.status, part.body.len()), (206, 3));
    // It is no manifest.
    assert_eq!(client.get(&format!("/v2/cache/manifests/{config}")).status, 404);
    let unknown = client.get(&format!("/v2/cache/blobs/{}", Digest::of(b"unknown")));
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "BLOB_UNKNOWN"));
    assert_eq!(client.head(&format!("/v2/cache/blobs/{}", Digest::of(b"unknown"))).status, 404);
}

/// A client may know a blob from somewhere else, or the server was started again.
#[test]
fn a_blob_is_served_without_its_manifest() {
    let server = Server::start();
    let bytes = noise(3, 5000);
    let digest = Digest::of(&bytes);
    server.put_object(&format!("blobs/{digest}"), &bytes);
    let serving = Serving::names(cache(&server, ""));
    let mut client = Client::new(serving.address);
    assert_eq!(client.head(&format!("/v2/cache/blobs/{digest}")).header("content-length"), Some("5000"));
    assert_eq!(blob(&mut client, "cache", &digest, 5000), Ok(bytes));
}

#[test]
fn a_redirect_leads_to_the_bytes_without_credentials() {
    let server = Server::start();
    let blobs = Blobs::of(&[5000]);
    blobs.put_into(&server);
    let mounts = vec![Mount::read_only("cache", vec![cache(&server, "")])];
    let serving = Serving::start(mounts, &ServeOptions::new().redirect(true));
    let mut client = Client::new(serving.address);
    client.head("/v2/cache/manifests/latest");
    let answer = client.get(&format!("/v2/cache/blobs/{}", blobs.digest()));
    assert_eq!((answer.status, answer.body.len()), (307, 0));
    let url = answer.header("location").unwrap().strip_prefix(&server.endpoint()).unwrap().to_owned();
    let request = format!("GET {url} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address());
    let bytes = raw(server.address(), request.as_bytes());
    assert!(bytes.ends_with(&blobs.bytes[&blobs.digest()]) && bytes.starts_with(b"HTTP/1.1 200"));
    // A directory has no URLs.
    let root = tempfile::tempdir().unwrap();
    let in_directory = directory(root.path(), "");
    export(&in_directory, "min").unwrap();
    let mounts = vec![Mount::read_only("cache", vec![in_directory])];
    let serving = Serving::start(mounts, &ServeOptions::new().redirect(true));
    let layers: BTreeMap<_, _> = import(serving.address, "cache").hit().layers;
    assert_eq!(layers.len(), 3);
}
