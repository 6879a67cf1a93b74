//! The S3 client against the strict server.

pub(crate) mod blobs;
mod bucket_sessions;
mod cancel;
mod care;
mod clock_skew;
mod conditions;
mod connections;
mod copies;
mod directory_buckets;
pub(crate) mod errors;
mod expect;
mod faults;
mod import;
mod integrity;
mod interrupted;
mod learning;
mod manifests;
pub(crate) mod merge;
mod multipart;
mod object_lock;
mod part_copies;
mod presigned;
pub(crate) mod prune;
pub(crate) mod prune_orders;
mod prune_races;
mod prune_reports;
mod ranges;
mod renewal;
mod repeated;
mod resilience;
mod retries;
mod retry_limits;
pub(crate) mod sessions;
mod storms;
mod turns;
mod wire;
mod write_back;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use s3_build_cache::credentials::{Secret, StaticCredentials};
use s3_build_cache::env::MapEnv;
use s3_build_cache::object::PutMode;
use s3_build_cache::progress::{Event, Progress};
use s3_build_cache::time::Clock;
use s3_build_cache::{Cancel, LocalCache, Report, Result, S3Cache, S3CacheBuilder};

use crate::conformance::{self, Claim, Quirks};
use crate::s3_server::{Conditions, Config, Server};

/// Records sleeps instead of waiting, and advances the monotonic clock by them.
#[derive(Default)]
pub(crate) struct TestClock {
    pub(crate) slept: Mutex<Vec<Duration>>,
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        let slept: Duration = self.slept.lock().unwrap().iter().sum();
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + slept
    }

    fn sleep(&self, duration: Duration, _: &Cancel) {
        self.slept.lock().unwrap().push(duration);
    }
}

/// Opens a cache on the server with its keys. `more` are attributes that start with a comma. Sleeps take no time.
pub(crate) fn builder(server: &Server, more: &str) -> S3CacheBuilder {
    let attributes = format!(
        "type=s3,bucket={},region={},endpoint_url={}{more}",
        server.bucket(),
        server.region(),
        server.endpoint()
    );
    let keys = server.credentials();
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID".to_owned(), keys.access_key_id),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), keys.secret_access_key),
    ];
    variables.extend(keys.session_token.map(|token| ("AWS_SESSION_TOKEN".to_owned(), token)));
    S3Cache::builder(&attributes.parse().unwrap()).env(MapEnv::new(variables)).clock(Arc::new(TestClock::default()))
}

pub(crate) fn cache(server: &Server, more: &str) -> S3Cache {
    builder(server, more).open().unwrap()
}

/// Cancels once this many bytes of a blob have been transferred.
pub(crate) struct CancelAt(pub(crate) Cancel, pub(crate) u64);

impl Progress for CancelAt {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Advanced { current, .. } if *current >= self.1) {
            self.0.cancel();
        }
    }
}

#[test]
fn the_client_passes_the_conformance_suite() {
    let server = Server::start();
    conformance::run(&**cache(&server, "").store(), &Quirks::default());
    conformance::missing_bucket(&**elsewhere(&server).store(), &Quirks::default());
    assert!(server.keys().is_empty());
    // The suite intentionally sends wrong bytes, forges a URL and uses a missing bucket; nothing else is rejected.
    let requests = server.requests().into_iter().filter(|request| !request.query.contains("X-Amz-Expires=301"));
    let refused: Vec<String> = requests.filter_map(|request| request.refused).collect();
    assert!(
        refused.iter().all(|code| code.contains("Sha256") || code.contains("SHA256") || code == "NoSuchBucket"),
        "{refused:?}"
    );
}

/// The client detects whether a store refuses or ignores conditions.
#[test]
fn stores_that_refuse_or_ignore_conditions_pass_with_that_claim() {
    for (conditions, claim) in [(Conditions::Refused, Claim::Unsupported), (Conditions::Ignored, Claim::Ignores)] {
        let server = Server::with(Config { conditions, ..Config::default() });
        let quirks = Quirks { create: claim, replace: claim, delete_if: claim, ..Quirks::default() };
        conformance::run(&**cache(&server, "").store(), &quirks);
    }
}

#[test]
fn unfinished_uploads_are_listed_page_by_page() {
    for encodes_listings in [true, false] {
        let server = Server::with(Config { page_size: 2, encodes_listings, ..Config::default() });
        let store = cache(&server, "").store().clone();
        let keys = ["a", "a", "a", "b c/+", "d", "e"];
        let open: Vec<_> = keys.map(|key| store.put_in_parts(key, 1, &PutMode::Overwrite).unwrap()).into();
        let mut listed: Vec<_> = store.uploads("").map(|upload| upload.unwrap()).collect();
        assert_eq!(listed.iter().map(|upload| upload.key.as_str()).collect::<Vec<_>>(), keys);
        listed.dedup();
        assert_eq!(listed.len(), keys.len());
        drop(open);
        assert!(server.uploads().is_empty());
    }
}

#[test]
fn listings_continue_page_by_page() {
    conformance::paging(&**cache(&Server::start(), "").store());
}

/// Opens a cache in a bucket that does not exist.
pub(crate) fn elsewhere(server: &Server) -> S3Cache {
    in_bucket(server, "absent")
}

/// Opens a cache in the bucket of this name.
pub(crate) fn in_bucket(server: &Server, bucket: &str) -> S3Cache {
    let mut options = cache(server, "").options().to_builder();
    options.location.bucket = Some(bucket.parse().unwrap());
    let keys = server.credentials();
    let provider = StaticCredentials::new(&keys.access_key_id, &Secret::from(keys.secret_access_key), None);
    let builder =
        S3Cache::builder(&options.build().unwrap()).env(MapEnv::default()).clock(Arc::new(TestClock::default()));
    builder.credentials(Arc::new(provider)).open().unwrap()
}

pub(crate) fn fixture(name: &str) -> LocalCache {
    LocalCache::open(format!("tests/fixtures/{name}/local"), "latest").unwrap()
}

pub(crate) fn export(cache: &S3Cache, name: &str) -> Result<Report> {
    cache.export(&fixture(name))
}
