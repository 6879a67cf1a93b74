//! Real TLS and real proxies, on loopback.

pub(crate) mod authority;
pub(crate) mod connect_proxy;
mod proxies;
pub(crate) mod terminator;
mod tls;

use std::sync::Arc;

use s3_build_cache::env::MapEnv;
use s3_build_cache::{ImportOutcome, LocalCache, S3Cache};

use crate::s3::{TestClock, fixture};
use crate::s3_server::Server;

/// Returns the attributes of the server's cache at `endpoint`.
pub(crate) fn attributes(server: &Server, endpoint: &str) -> String {
    let (bucket, region) = (server.bucket(), server.region());
    format!("type=s3,bucket={bucket},region={region},use_path_style=true,endpoint_url={endpoint}")
}

/// Returns the variables for the server's keys, and additional ones.
pub(crate) fn variables<'a>(server: &Server, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, String)> {
    let keys = server.credentials();
    let mut variables =
        vec![("AWS_ACCESS_KEY_ID", keys.access_key_id), ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key)];
    variables.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    variables
}

/// Opens the server's cache at `endpoint`.
fn connect(server: &Server, endpoint: &str, more: &[(&str, &str)]) -> s3_build_cache::Result<S3Cache> {
    let options = attributes(server, endpoint).parse().unwrap();
    let env = MapEnv::new(variables(server, more));
    S3Cache::builder(&options).env(env).clock(Arc::new(TestClock::default())).open()
}

/// Exports a cache and imports it again.
#[track_caller]
fn round_trip(cache: &S3Cache) {
    let report = cache.export(&fixture("max")).unwrap();
    assert!(report.blobs.transferred > 0);
    let directory = tempfile::tempdir().unwrap();
    let restored = directory.path().join("restored");
    let outcome = cache.import(&LocalCache::create(&restored, "latest")).unwrap();
    assert!(matches!(outcome, ImportOutcome::Restored(_)), "{outcome:?}");
    let count = |path: &std::path::Path| std::fs::read_dir(path.join("blobs/sha256")).unwrap().count();
    assert!(count(&restored) > 0);
}
