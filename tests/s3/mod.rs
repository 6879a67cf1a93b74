//! The S3 client against the strict server.

mod errors;
mod faults;
mod import;
mod wire;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use s3_build_cache::{Cancel, Clock, ExportOptions, LocalCache, MapEnv, Report, Result, S3Cache, S3CacheBuilder};

use crate::s3_server::Server;

/// Sleeps without waiting, and remembers for how long.
#[derive(Default)]
pub(crate) struct TestClock {
    pub(crate) slept: Mutex<Vec<Duration>>,
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
    }

    fn sleep(&self, duration: Duration, _: &Cancel) {
        self.slept.lock().unwrap().push(duration);
    }
}

/// A cache on the server with its keys, and more attributes that begin with a comma. Nothing is waited for.
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
    builder(server, more).connect().unwrap()
}

pub(crate) fn fixture(name: &str) -> LocalCache {
    LocalCache::open(format!("tests/fixtures/{name}/local"), "latest").unwrap()
}

pub(crate) fn export(cache: &S3Cache, name: &str) -> Result<Report> {
    cache.export(&fixture(name))
}

/// Also reads back what is there.
pub(crate) fn export_verifying(cache: &S3Cache, name: &str) -> Result<Report> {
    let source = fixture(name);
    cache.export_config(&source.load()?, &source, &ExportOptions::new().verify_existing(true))
}
