//! Sizes: what BuildKit reads, and what the server loads.

use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder, Crown};
use s3_build_cache::time::Timestamp;
use s3_build_cache::{CacheConfig, Digest};

use super::Serving;
use super::client::{Client, import};
use crate::s3::cache;
use crate::s3_server::Server;

/// A cache of `builds`, exported an hour apart, each with this many steps of its own and one layer.
fn large(builds: u64, steps: usize) -> CacheConfig {
    let mut builder = CacheConfigBuilder::new();
    for build in 0..builds {
        let at: Timestamp = format!("2026-01-{:02}T{:02}:00:00Z", 1 + build / 24, build % 24).parse().unwrap();
        let blob = Digest::of(&build.to_be_bytes());
        let annotations = Annotations { media_type: "x".to_owned(), diff_id: blob, size: 8, created_at: at };
        let layer = builder.layer(blob, None, annotations);
        let mut below = None;
        for step in 0..steps {
            let digest = Digest::of(format!("{build} {step}").as_bytes()).to_string();
            let link: Option<Vec<_>> = below.map(|below| vec![(below, "")]);
            below = Some(builder.record(digest, link));
        }
        builder.result(below.unwrap(), layer, at);
    }
    builder.build().unwrap()
}

fn put(server: &Server, config: &CacheConfig, builds: u64) {
    for build in 0..builds {
        server.put_object(&format!("blobs/{}", Digest::of(&build.to_be_bytes())), &build.to_be_bytes());
    }
    server.put_object("manifests/buildkit", &config.to_s3_json_with(Crown::Plain));
}

/// The client of the tests checks that both documents are at most 1 MiB.
#[test]
fn what_was_exported_longest_ago_is_left_out_until_the_rest_fits() {
    let server = Server::start();
    put(&server, &large(40, 500), 40);
    let serving = Serving::names(cache(&server, ""));
    let hit = import(serving.address, "cache:latest").hit();
    let kept = hit.layers.len() as u64;
    assert!((5..30).contains(&kept), "{kept}");
    for build in 40 - kept..40 {
        assert!(hit.layers.contains_key(&Digest::of(&build.to_be_bytes())), "{build}");
    }
    assert!(hit.config.len() > 900_000, "{} bytes", hit.config.len());
}

#[test]
fn a_single_build_that_is_too_large_is_a_miss_with_the_reason() {
    let server = Server::start();
    put(&server, &large(1, 20_000), 1);
    let serving = Serving::names(cache(&server, ""));
    let why = import(serving.address, "cache:latest").miss();
    assert!(why.contains("1048576 bytes (1 MiB)"), "{why}");
}

#[test]
fn a_manifest_of_more_than_32_mib_is_refused_before_it_is_read() {
    let server = Server::start();
    server.put_object("manifests/buildkit", &vec![b' '; 32 * 1024 * 1024 + 1]);
    let serving = Serving::names(cache(&server, ""));
    let why = import(serving.address, "cache:latest").miss();
    assert!(why.contains("more than the 33554432 that are read"), "{why}");
}

/// Every answer is kept, so a client that asks for too many different ones is refused.
#[test]
fn promises_are_bounded() {
    let server = Server::start();
    let serving = Serving::names(cache(&server, ""));
    let mut client = Client::new(serving.address);
    let mut found = 0;
    for build in 1..40 {
        // About 900 KiB each.
        put(&server, &large(build, 8_000 / usize::try_from(build).unwrap()), build);
        found += u64::from(client.head("/v2/cache/manifests/latest").status == 200);
        if found < build {
            break;
        }
    }
    assert!((10..30).contains(&found), "{found}");
    let answer = client.get("/v2/cache/manifests/latest");
    assert!(answer.text().contains("too many different manifests"), "{}", answer.text());
}
