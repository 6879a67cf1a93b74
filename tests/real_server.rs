//! Tests against a real S3 server, which `tests/real-servers.sh` starts and describes in the environment.

use std::fs;
use std::path::Path;

use s3_build_cache::env::MapEnv;
use s3_build_cache::inspect::Names;
use s3_build_cache::object::{BytesPayload, PutMode};
use s3_build_cache::{ErrorKind, ImportOutcome, LocalCache, S3Cache};

use crate::conformance::{self, Claim, Quirks};
use crate::s3::blobs::Blobs;
use crate::s3::merge;

/// The server described by the environment.
struct Server {
    name: String,
    endpoint: String,
    bucket: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
}

impl Server {
    fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name}: see tests/real-servers.sh"));
        Self {
            name: variable("S3_TEST_SERVER"),
            endpoint: variable("S3_TEST_ENDPOINT"),
            bucket: variable("S3_TEST_BUCKET"),
            region: variable("S3_TEST_REGION"),
            access_key_id: variable("S3_TEST_ACCESS_KEY_ID"),
            secret_access_key: variable("S3_TEST_SECRET_ACCESS_KEY"),
        }
    }

    fn cache_with(&self, bucket: &str, secret: &str, more: &str) -> S3Cache {
        let attributes = format!("type=s3,bucket={bucket},region={},endpoint_url={}{more}", self.region, self.endpoint);
        let variables = [("AWS_ACCESS_KEY_ID", self.access_key_id.as_str()), ("AWS_SECRET_ACCESS_KEY", secret)];
        S3Cache::builder(&attributes.parse().unwrap()).env(MapEnv::new(variables)).open().unwrap()
    }

    fn cache(&self, more: &str) -> S3Cache {
        self.cache_with(&self.bucket, &self.secret_access_key, more)
    }

    /// The known deviations of each server.
    fn quirks(&self) -> Quirks {
        match self.name.as_str() {
            "seaweedfs" => Quirks {
                does_not_check_payload_hash: true,
                makes_missing_buckets: true,
                breaks_keys_with: &["\\"],
                start_after_skips_directories: true,
                ..Quirks::default()
            },
            "juicefs" => Quirks {
                touch_does_not_move_last_modified: true,
                keys_are_paths: true,
                aborts_by_id_alone: true,
                create: Claim::Ignores,
                replace: Claim::Ignores,
                delete_if: Claim::Ignores,
                ..Quirks::default()
            },
            "swift" => Quirks { copies_no_parts_of_parts: true, replace: Claim::Unsupported, ..Quirks::default() },
            other => panic!("a server nobody knows: {other}"),
        }
    }
}

#[test]
#[ignore = "needs a server: tests/real-servers.sh"]
fn real_server_passes_the_conformance_suite() {
    let server = Server::from_environment();
    conformance::run(&**server.cache("").store(), &server.quirks());
    let absent = server.cache_with("no-such-bucket", &server.secret_access_key, "");
    conformance::missing_bucket(&**absent.store(), &server.quirks());
}

#[test]
#[ignore = "needs a server: tests/real-servers.sh"]
fn real_server_keeps_every_fixture() {
    let server = Server::from_environment();
    for (fixture, tag, manifest) in [
        ("max", "latest", "max/s3-manifest.json"),
        ("max-index", "latest", "max/s3-manifest.json"),
        ("min", "latest", "min/s3-manifest.json"),
        ("two-tags", "second", "two-tags/s3-manifest-second.json"),
    ] {
        let cache = server.cache(&format!(",prefix=round-trip/{fixture}/"));
        let source = LocalCache::open(format!("tests/fixtures/{fixture}/local"), tag).unwrap();
        let report = cache.export(&source).unwrap_or_else(|error| panic!("{fixture}: {}", error.chain()));
        assert_eq!(report.blobs.transferred, report.blobs.total);
        assert_eq!(cache.export(&source).unwrap().blobs.transferred, 0);
        let loaded = cache.load().unwrap().unwrap();
        assert!(loaded.to_s3_json() == fs::read(Path::new("tests/fixtures").join(manifest)).unwrap(), "{fixture}");
        let work = tempfile::tempdir().unwrap();
        let outcome = cache.import(&LocalCache::create(work.path(), tag)).unwrap();
        let ImportOutcome::Restored(restored) = outcome else { panic!("{outcome:?}") };
        assert_eq!((restored.blobs.transferred, restored.blobs.missing), (report.blobs.total, 0));
        assert_eq!(LocalCache::open(work.path(), tag).unwrap().load().unwrap(), loaded);
    }
}

#[test]
#[ignore = "needs a server: tests/real-servers.sh"]
fn real_server_takes_odd_names_and_prefixes() {
    let server = Server::from_environment();
    for (prefix, name) in [("a b/", "c d"), ("p+q/", "x+y"), ("~t=1/", "v~1=2"), ("ü/名/", "é中")] {
        let cache = server.cache(&format!(",prefix=odd/{prefix},name={name},touch_refresh=0s"));
        let source = LocalCache::open("tests/fixtures/max/local", "latest").unwrap();
        let report = cache.export(&source).unwrap_or_else(|error| panic!("{prefix}: {}", error.chain()));
        assert_eq!(report.blobs.transferred, 10, "{prefix}");
        // Everything is older than zero, so all are touched, by their keys from the listing. Ages are in whole
        // seconds, rounded at both ends.
        std::thread::sleep(std::time::Duration::from_millis(2500));
        let again = cache.export(&source).unwrap();
        assert_eq!((again.blobs.present, again.blobs.touched), (10, 10), "{prefix}");
        assert!(cache.load().unwrap().is_some());
    }
}

/// Where conditions are honoured, also at the same instant.
#[test]
#[ignore = "needs a server: tests/real-servers.sh"]
fn real_server_keeps_the_caches_of_many_writers() {
    let server = Server::from_environment();
    let quirks = server.quirks();
    let open = || server.cache(",prefix=merge/,on_conflict=merge");
    if (quirks.create, quirks.replace) == (Claim::Has, Claim::Has) {
        merge::all_at_once(open);
    } else {
        (0..merge::WRITERS).for_each(|number| drop(merge::export(&open(), &merge::job(number)).unwrap()));
    }
    assert_eq!(merge::found(&open()), (0..merge::WRITERS).collect());
}

/// There are so many blobs that they are listed in several ranges, but on a server that takes minutes to store them.
#[test]
#[ignore = "needs a server: tests/real-servers.sh"]
fn real_server_lists_verifies_and_repairs_a_bucket() {
    let server = Server::from_environment();
    let cache = server.cache(",prefix=care/,name=main");
    let count = if server.name == "swift" { 1500 } else { 6000 };
    let blobs = Blobs::of(&vec![10; count]);
    merge::export(&cache, &blobs).unwrap_or_else(|error| panic!("{}", error.chain()));
    let usage = cache.disk_usage(&Names::all()).unwrap_or_else(|error| panic!("{}", error.chain()));
    let all = count as u64;
    assert_eq!((usage.total.blobs, usage.unreferenced.blobs, usage.manifests.len()), (all, 0, 1));
    assert_eq!((usage.manifests[0].own.bytes, usage.manifests[0].missing.blobs), (10 * all, 0));
    assert!(usage.requests <= 6 + 8 + 3, "{} requests", usage.requests);
    let (missing, corrupt) = (blobs.digest(), *blobs.bytes.keys().nth(1).unwrap());
    let key = |digest| format!("care/blobs/{digest}");
    cache.store().delete(&key(missing)).unwrap();
    cache.store().delete(&key(corrupt)).unwrap();
    cache.store().put(&key(corrupt), &BytesPayload::new(vec![0; 10]), &PutMode::Create).unwrap();
    let verification = cache.verify(&Names::all(), true).unwrap();
    assert_eq!(verification.findings.len(), 2, "{:?}", verification.findings);
    let remaining = cache.repair(&verification.plan(), |_| ()).unwrap_or_else(|error| panic!("{}", error.chain()));
    assert!(remaining.is_empty(), "{remaining:?}");
    assert!(cache.store().head(&key(corrupt)).unwrap().is_none());
    assert!(cache.verify(&Names::all(), false).unwrap().is_clean());
    assert_eq!(cache.load().unwrap().unwrap().layers().len(), count - 2);
}

/// Where a touch refreshes the age of a blob. Longer: `S3_TEST_SECONDS=300`.
#[cfg(feature = "cli")]
#[test]
#[ignore = "needs a server: tests/real-servers.sh"]
fn real_server_loses_nothing_to_killed_exports_and_prunings() {
    use crate::cli::kills;
    let server = Server::from_environment();
    if server.quirks().touch_does_not_move_last_modified {
        return;
    }
    let Server { endpoint, bucket, region, access_key_id, secret_access_key, .. } = &server;
    let store = format!(
        "type=s3,bucket={bucket},region={region},endpoint_url={endpoint},prefix=kills/,access_key_id={access_key_id},\
         secret_access_key={secret_access_key}"
    );
    kills::exports_and_prunings(&store, tempfile::tempdir().unwrap().path(), kills::seconds(15));
}

#[test]
#[ignore = "needs a server: tests/real-servers.sh"]
fn real_server_refuses_a_wrong_secret() {
    let server = Server::from_environment();
    let cache = server.cache_with(&server.bucket, "wrong", "");
    let source = LocalCache::open("tests/fixtures/min/local", "latest").unwrap();
    for error in [cache.export(&source).unwrap_err(), cache.load().unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Access, "{}", error.chain());
        assert!(error.hint().unwrap().contains("secret access key is wrong"), "{:?}", error.hint());
    }
}

#[cfg(feature = "cli")]
#[test]
#[ignore = "needs a server: tests/real-servers.sh"]
fn real_server_is_used_from_the_command_line() {
    use crate::cli::run_with;
    let server = Server::from_environment();
    let attributes = format!(
        "type=s3,bucket={},region={},endpoint_url={},prefix=cli/",
        server.bucket, server.region, server.endpoint
    );
    let variables = |secret| [("AWS_ACCESS_KEY_ID", server.access_key_id.as_str()), ("AWS_SECRET_ACCESS_KEY", secret)];
    let export = ["export", "tests/fixtures/max/local", "--cache-to", &attributes];
    run_with(&export, &variables("wrong")).expect(4).says(&["hint: the secret access key is wrong"]);
    let line = run_with(&export, &variables(&server.secret_access_key)).expect(0);
    assert!(line.last_line().starts_with("exported 10 of 10 blobs"), "{}", line.stdout);
    let work = tempfile::tempdir().unwrap();
    let import = ["import", work.path().to_str().unwrap(), "--cache-from", &attributes];
    run_with(&import, &variables(&server.secret_access_key)).expect(0);
}
