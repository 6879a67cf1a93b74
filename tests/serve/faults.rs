//! Faults of the store, and what a build notices of them.

use std::time::Duration;

use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder};
use s3_build_cache::serve::{Mount, ServeOptions};
use s3_build_cache::time::Timestamp;
use s3_build_cache::{CacheConfig, Digest};

use super::client::{Client, abandon, blob, import, import_after};
use super::{Serving, written};
use crate::s3::blobs::{Blobs, noise};
use crate::s3::{cache, elsewhere};
use crate::s3_server::{At, Failure, Fault, Match, Server};

/// A server with a cache of one small and one large layer, which do not depend on each other.
fn two_layers() -> (Server, Blobs, Digest, Digest) {
    let server = Server::start();
    let (small, large) = (noise(1, 5000), noise(2, 2_000_000));
    let digests = (Digest::of(&small), Digest::of(&large));
    let blobs = Blobs::new(vec![small, large]);
    blobs.put_into(&server);
    (server, blobs, digests.0, digests.1)
}

#[test]
fn whatever_fails_before_the_manifest_is_a_miss() {
    for (what, matching, fault) in [
        ("a store that is down", Match::any().always(), Fault::internal_error()),
        (
            "a refused manifest",
            Match::any().key("manifests/").always(),
            Fault::Reply(Failure::new(403, "AccessDenied", "no")),
        ),
        ("a web page", Match::any().always(), Fault::Html(200)),
        (
            "a refused listing and refused blobs",
            Match::any().nth(2).always(),
            Fault::Reply(Failure::new(403, "AccessDenied", "no")),
        ),
        ("a manifest that breaks off", Match::any().key("manifests/").always(), Fault::Truncate(10)),
        ("wrong bytes", Match::any().key("manifests/").always(), Fault::Corrupt(0)),
    ] {
        let (server, ..) = two_layers();
        server.fault(matching, fault);
        let serving = Serving::names(cache(&server, ""));
        let why = import(serving.address, "cache:latest").miss();
        assert!(why.starts_with("404 "), "{what}: {why}");
        // It recovers.
        server.clear_faults();
        import(serving.address, "cache:latest").hit();
    }
}

#[test]
fn no_bucket_and_no_server_are_a_miss() {
    let (server, ..) = two_layers();
    let serving = Serving::names(elsewhere(&server));
    assert!(import(serving.address, "cache:latest").miss().contains("NoSuchBucket"));
    let gone = cache(&server, "");
    drop(server);
    import(Serving::names(gone).address, "cache:latest").miss();
}

#[test]
fn a_slow_store_is_a_miss_in_time() {
    let (server, ..) = two_layers();
    server.fault(Match::any().key("manifests/"), Fault::Delay(Duration::from_secs(2)));
    let mounts = vec![Mount::read_only("cache", vec![cache(&server, "")])];
    let serving = Serving::start(mounts, &ServeOptions::new().manifest_timeout(Duration::from_millis(300)));
    let answer = Client::new(serving.address).get("/v2/cache/manifests/latest");
    assert!(answer.status == 404 && answer.text().contains("takes longer than"), "{}", answer.text());
}

/// A source that fails does not hide the others.
#[test]
fn one_source_that_fails_is_skipped() {
    let (server, ..) = two_layers();
    let sources = vec![elsewhere(&server), cache(&server, "")];
    let serving = Serving::start(vec![Mount::read_only("cache", sources)], &ServeOptions::new());
    assert_eq!(import(serving.address, "cache:latest").hit().layers.len(), 2);
}

/// A manifest never promises a layer that is not there.
#[test]
fn lost_layers_are_dropped_before_the_manifest_is_answered() {
    for loss in ["gone", "short", "archived"] {
        let (server, blobs, small, large) = two_layers();
        let key = format!("blobs/{large}");
        match loss {
            "gone" => assert!(server.remove(&key)),
            "short" => server.put_object(&key, b"short"),
            _ => server.put_object_with(&key, &blobs.bytes[&large], &[("x-amz-storage-class", "GLACIER")]),
        }
        let serving = Serving::names(cache(&server, ""));
        let hit = import(serving.address, "cache:latest").hit();
        assert_eq!(hit.layers.keys().collect::<Vec<_>>(), [&small], "{loss}");
        let rest = blobs.config.without_blobs(&[large].into());
        assert!((hit.manifest, hit.config) == written(&rest, |writer| writer), "{loss}");
    }
}

#[test]
fn nothing_left_is_a_miss() {
    let server = Server::start();
    let blobs = Blobs::of(&[10]);
    blobs.put_into(&server);
    server.remove(&blobs.key());
    import(Serving::names(cache(&server, "")).address, "cache:latest").miss();
}

/// Only the name of the bucket and HEADs are left to a client that may not list.
#[test]
fn a_bucket_that_cannot_be_listed_is_served() {
    let (server, ..) = two_layers();
    server.fault(
        Match::operation(crate::s3_server::Operation::ListObjectsV2).always(),
        Fault::Reply(Failure::new(403, "AccessDenied", "no")),
    );
    assert_eq!(import(Serving::names(cache(&server, "")).address, "cache:latest").hit().layers.len(), 2);
}

#[test]
fn a_blob_that_vanishes_fails_the_build_at_once_with_the_reason() {
    let (server, _, _, large) = two_layers();
    let serving = Serving::names(cache(&server, ""));
    let why = import_after(serving.address, "cache:latest", || assert!(server.remove(&format!("blobs/{large}"))));
    let why = why.failure();
    assert!(why.contains("404") && why.contains("BLOB_UNKNOWN") && why.contains("it is gone"), "{why}");
    // The next build does without the layer.
    assert_eq!(import(serving.address, "cache:latest").hit().layers.len(), 1);
}

#[test]
fn a_blob_that_vanishes_from_one_source_comes_from_another() {
    let (one, blobs, _, large) = two_layers();
    let two = Server::start();
    blobs.put_into(&two);
    let sources = vec![cache(&one, ""), cache(&two, "")];
    let serving = Serving::start(vec![Mount::read_only("cache", sources)], &ServeOptions::new());
    let hit = import_after(serving.address, "cache:latest", || assert!(one.remove(&format!("blobs/{large}"))));
    assert_eq!(hit.hit().layers.len(), 2);
}

/// What a client cannot use is never sent to the end, and the next build does without it.
#[test]
fn wrong_bytes_never_arrive_whole() {
    let (server, blobs, small, large) = two_layers();
    for digest in [small, large] {
        let mut wrong = blobs.bytes[&digest].clone();
        *wrong.last_mut().unwrap() ^= 1;
        server.put_object(&format!("blobs/{digest}"), &wrong);
        let serving = Serving::names(cache(&server, ""));
        let mut client = Client::new(serving.address);
        client.head("/v2/cache/manifests/latest");
        let path = format!("/v2/cache/blobs/{digest}");
        for _ in 0..2 {
            let answer = client.get(&path);
            assert!(answer.cut || answer.status == 404, "{answer:?}");
            assert!(answer.cut || answer.code() == "BLOB_UNKNOWN");
        }
        assert_eq!(client.get(&path).status, 404, "it is known to be corrupt");
        assert!(!import(serving.address, "cache:latest").hit().layers.contains_key(&digest));
        server.put_object(&format!("blobs/{digest}"), &blobs.bytes[&digest]);
    }
}

#[test]
fn wrong_bytes_in_one_source_are_replaced_from_another() {
    let (one, blobs, _, large) = two_layers();
    let two = Server::start();
    blobs.put_into(&two);
    one.put_object(&format!("blobs/{large}"), &noise(9, 2_000_000));
    let sources = vec![cache(&one, ""), cache(&two, "")];
    let serving = Serving::start(vec![Mount::read_only("cache", sources)], &ServeOptions::new());
    // The client resumes with the bytes of one source and the rest of another, which is wrong; then it begins again.
    let outcomes: Vec<bool> = (0..4)
        .map(|_| {
            let mut client = Client::new(serving.address);
            client.head("/v2/cache/manifests/latest");
            blob(&mut client, "cache", &large, 2_000_000).is_ok()
        })
        .collect();
    assert!(outcomes.last().unwrap(), "{outcomes:?}");
    let hit = import(serving.address, "cache:latest").hit();
    assert_eq!(hit.layers.len(), 2);
}

/// Connections between server and store break, and the client notices nothing.
#[test]
fn broken_connections_to_the_store_are_resumed() {
    let (server, _, _, large) = two_layers();
    let key = format!("{large}");
    for fault in [Fault::Reset(At::ResponseBody(300_000)), Fault::Truncate(1_000_000), Fault::slow_down()] {
        server.fault(Match::method("GET").key(&key), fault);
        let serving = Serving::names(cache(&server, ""));
        assert_eq!(import(serving.address, "cache:latest").hit().layers.len(), 2);
    }
}

#[test]
fn a_store_that_fails_after_the_manifest_is_tried_again_by_the_client() {
    let (server, _, _, large) = two_layers();
    let serving = Serving::names(cache(&server, ""));
    let mut client = Client::new(serving.address);
    assert_eq!(client.head("/v2/cache/manifests/latest").status, 200);
    let denied = Fault::Reply(Failure::new(403, "AccessDenied", "Access Denied"));
    for (fault, reason) in [(Fault::internal_error(), "InternalError"), (denied, "AccessDenied")] {
        server.fault(Match::any().key(&large.to_string()).always(), fault);
        let answer = client.get(&format!("/v2/cache/blobs/{large}"));
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.text().contains(reason), "{}", answer.text());
        server.clear_faults();
        assert!(blob(&mut client, "cache", &large, 2_000_000).is_ok());
    }
}

/// The client's connection breaks, and it asks for the rest.
#[test]
fn a_client_that_leaves_and_returns_gets_the_rest() {
    let (server, blobs, _, large) = two_layers();
    let serving = Serving::names(cache(&server, ""));
    let mut client = Client::new(serving.address);
    client.head("/v2/cache/manifests/latest");
    let path = format!("/v2/cache/blobs/{large}");
    for from in [100_000, 1_000_000, 1_999_999] {
        abandon(serving.address, &path, from);
        let rest = client.send("GET", &path, &[("Range", &format!("bytes={from}-"))], b"");
        assert_eq!(rest.status, 206);
        assert!(rest.body == blobs.bytes[&large][from..], "{from}");
    }
}

/// A chain of layers, the lowest of which is lost: nothing above it is left.
#[test]
fn layers_above_a_lost_one_are_dropped_too() {
    let server = Server::start();
    let mut builder = CacheConfigBuilder::new();
    let mut below = None;
    let blobs: Vec<Vec<u8>> = (1..=3).map(|seed| noise(seed, 100)).collect();
    for bytes in &blobs {
        let digest = Digest::of(bytes);
        let annotations =
            Annotations { media_type: "x".to_owned(), diff_id: digest, size: 100, created_at: Timestamp::ZERO };
        let layer = builder.layer(digest, below, annotations);
        let record = builder.record(digest.to_string(), []);
        builder.result(record, layer, Timestamp::ZERO);
        below = Some(layer);
        server.put_object(&format!("blobs/{digest}"), bytes);
    }
    let config: CacheConfig = builder.build().unwrap();
    server.put_object("manifests/buildkit", &config.to_s3_json());
    server.remove(&format!("blobs/{}", Digest::of(&blobs[1])));
    let serving = Serving::names(cache(&server, ""));
    let layers = import(serving.address, "cache:latest").hit().layers;
    assert_eq!(layers.into_keys().collect::<Vec<_>>(), [Digest::of(&blobs[0])]);
}
