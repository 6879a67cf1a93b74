//! Pushes to the server.

mod corrupt;
mod faults;
mod manifests;
mod prunes;
pub(crate) mod pusher;
mod uploads;

use std::path::Path;

use s3_build_cache::options::CacheRef;
use s3_build_cache::program::Tuning;
use s3_build_cache::serve::{Mount, ServeOptions};
use s3_build_cache::{ImportOutcome, LocalCache, S3Cache, import};

use crate::s3::{builder, cache};
use crate::s3_server::Server;
use crate::serve::client::{Client, import as import_as_docker};
use crate::serve::{Serving, directory};
use pusher::Cache;

/// Serves a cache that may be written, in the repository `export`.
fn serving(cache: S3Cache) -> Serving {
    Serving::start(vec![Mount::writable("export", cache)], &ServeOptions::new())
}

/// Uploads blobs above 5 MiB in parts of 5 MiB, the least that the server takes.
fn tuned(server: &Server, more: &str, change: impl FnOnce(&mut Tuning)) -> S3Cache {
    let mut tuning = Tuning { split_above: 5 << 20, part_size: 5 << 20, ..Tuning::default() };
    change(&mut tuning);
    builder(server, more).tuning(tuning).open().unwrap()
}

/// Returns bytes that no push takes for a document.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u8::try_from(state >> 24).unwrap()
    };
    let block: Vec<u8> = (0..4093).map(|_| next()).collect();
    let mut bytes = block.repeat(size.div_ceil(block.len()));
    bytes.truncate(size);
    if let Some(first) = bytes.first_mut() {
        *first = 0x1f;
    }
    bytes
}

fn restore(cache: &str, to: &Path) {
    let reference: CacheRef = cache.parse().unwrap();
    let CacheRef::S3(options) = reference else { panic!("{reference:?}") };
    let restored = import(&options, &LocalCache::create(to, "latest")).unwrap();
    assert!(matches!(restored, ImportOutcome::Restored(_)), "{restored:?}");
}

#[test]
fn a_push_writes_what_buildkit_writes_to_s3_and_imports_again() {
    for (fixture, golden) in [("max", "max/s3-manifest.json"), ("min", "min/s3-manifest.json")] {
        let server = Server::start();
        let serving = serving(cache(&server, ",name=app;main,exact=true"));
        let pushed = Cache::fixture(fixture);
        let mut client = Client::new(serving.address);
        assert_eq!(pushed.push(&mut client, "export", "anything"), pushed.layers.len() + 1);
        let expected = std::fs::read(format!("tests/fixtures/{golden}")).unwrap();
        for name in ["app", "main"] {
            assert_eq!(server.object(&format!("manifests/{name}")).unwrap(), expected, "{fixture} {name}");
        }
        // The config is converted, and is no blob of the bucket.
        let blobs = server.keys().into_iter().filter(|key| key.starts_with("blobs/"));
        assert_eq!(blobs.count(), pushed.layers.len());
        assert!(server.uploads().is_empty());
        // An unchanged cache sends only HEADs and the manifest.
        server.take_requests();
        assert_eq!(pushed.push(&mut client, "export", "anything"), 0);
        assert!(server.requests().iter().all(|request| request.method != "PUT" || request.path.contains("manifests")));
        let summary = serving.summary();
        assert_eq!(summary.names_written, ["app", "main"]);
        // Only of the blobs in the bucket.
        let bytes = pushed.layers.iter().map(|layer| pushed.layer(layer).len() as u64).sum::<u64>();
        assert_eq!((summary.blobs_uploaded, summary.bytes_up), (pushed.layers.len() as u64, bytes));
    }
}

#[test]
fn a_directory_takes_pushes_too_and_docker_reads_what_it_pushed() {
    for fixture in ["max", "max-index", "min"] {
        let root = tempfile::tempdir().unwrap();
        let cache = directory(root.path(), ",name=app");
        let serving = Serving::start(
            vec![Mount::writable("export", cache.clone()), Mount::read_only("import", vec![cache])],
            &ServeOptions::new(),
        );
        let pushed = Cache::fixture(fixture);
        pushed.push(&mut Client::new(serving.address), "export", "latest");
        let hit = import_as_docker(serving.address, "import").hit();
        assert_eq!(hit.config, pushed.config, "{fixture}");
        assert!(pushed.layers.iter().all(|layer| hit.layers[layer] == pushed.layer(layer)));
        let restored = tempfile::tempdir().unwrap();
        let bucket = format!("type=s3,bucket=bucket,name=app,endpoint_url=file://{}", root.path().display());
        restore(&bucket, restored.path());
        assert!(pushed.has_config(restored.path()));
    }
}

#[test]
fn references_are_names() {
    let root = tempfile::tempdir().unwrap();
    let mount = Mount::writable_references(directory(root.path(), ""));
    let serving = Serving::start(vec![mount], &ServeOptions::new());
    let (pushed, mut client) = (Cache::fixture("min"), Client::new(serving.address));
    for (repository, tag) in [("cache", "main"), ("feature/x", "latest"), ("app", "pr-1")] {
        pushed.push(&mut client, repository, tag);
    }
    for name in ["main", "feature/x", "app:pr-1"] {
        assert!(root.path().join("bucket/manifests").join(name).is_file(), "{name}");
    }
    // What was pushed is read under the same reference.
    assert_eq!(import_as_docker(serving.address, "cache:main").hit().config, pushed.config);
}
