//! The diagnosis: each problem is reported at the step that causes it, with its fix.

mod bucket;
mod connection;
mod endpoints;
mod keys;

use std::sync::Arc;

use s3_build_cache::doctor::{Check, CheckOutcome, DoctorOptions};
use s3_build_cache::env::MapEnv;
use s3_build_cache::{ErrorKind, S3Cache, S3CacheBuilder};

use crate::s3::TestClock;
use crate::s3_server::Server;

/// Returns the checks of a cache at `endpoint` with these variables.
fn diagnose(server: &Server, endpoint: &str, more: &[(&str, &str)]) -> Vec<Check> {
    let options = crate::network::attributes(server, endpoint).parse().unwrap();
    let env = MapEnv::new(crate::network::variables(server, more));
    checks(S3Cache::builder(&options).env(env).clock(Arc::new(TestClock::default())))
}

fn checks(builder: S3CacheBuilder) -> Vec<Check> {
    let mut checks = Vec::new();
    builder.diagnose(&DoctorOptions::new().write(true), |check| checks.push(check.clone()));
    let mut names: Vec<_> = checks.iter().map(|check| check.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), checks.len(), "each is told once: {checks:?}");
    checks
}

fn find<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no {name} in {checks:?}"))
}

fn has_passed(checks: &[Check], name: &str) -> bool {
    matches!(find(checks, name).outcome, CheckOutcome::Passed)
}

fn failed(checks: &[Check]) -> Vec<&'static str> {
    let failed = |check: &&Check| matches!(check.outcome, CheckOutcome::Failed(_));
    checks.iter().filter(failed).map(|check| check.name).collect()
}

/// Asserts that only `name` failed, with a report that contains all `parts`.
#[track_caller]
fn only(checks: &[Check], name: &'static str, kind: ErrorKind, parts: &[&str]) {
    assert_eq!(failed(checks), [name], "{checks:#?}");
    let check = find(checks, name);
    assert!(matches!(&check.outcome, CheckOutcome::Failed(error) if error.kind() == kind), "{check:?}");
    let text = format!("{} | {}", check.detail, check.hint.as_deref().expect("a fix"));
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[track_caller]
fn skipped(checks: &[Check], names: &[&str]) {
    for name in names {
        assert!(matches!(find(checks, name).outcome, CheckOutcome::Skipped), "{checks:#?}");
    }
}

#[test]
fn a_healthy_setup_reports_every_step() {
    let server = Server::start();
    let endpoint = server.endpoint();
    crate::s3::export(&crate::s3::cache(&server, ""), "max").unwrap();
    let before = server.keys();
    let checks = diagnose(&server, &endpoint, &[]);
    assert_eq!(failed(&checks), [""; 0], "{checks:#?}");
    skipped(&checks, &["tls", "identity"]);
    for (name, parts) in [
        ("options", &["s3://cache/", "names buildkit", "blobs at blobs/", "manifests at manifests/"][..]),
        ("region", &["eu-test-1 (the attribute region)"]),
        ("endpoint", &[&endpoint, "the attribute endpoint_url", "path style"]),
        ("dns", &["127.0.0.1:"]),
        ("tcp", &["127.0.0.1:"]),
        ("http", &["403"]),
        ("clock", &["agrees"]),
        ("credentials", &["AWS_ACCESS_KEY_ID"]),
        ("key", &["AKID…"]),
        ("expiry", &["do not expire"]),
        ("bucket", &["s3://cache/"]),
        ("list", &["10 objects under blobs/"]),
        ("read", &["buildkit: 11 layers"]),
        ("write", &["s3://cache/blobs/s3-build-cache-doctor"]),
        ("touch", &["copy"]),
        ("delete", &["removed"]),
    ] {
        let check = find(&checks, name);
        assert!(has_passed(&checks, name) && check.hint.is_none(), "{check:?}");
        for part in parts {
            assert!(check.detail.contains(part), "{part:?} is not in {check:?}");
        }
    }
    assert_eq!(server.keys(), before, "what was written is removed");
}

#[test]
fn a_directory_can_be_checked_too() {
    let home = tempfile::tempdir().unwrap();
    let options = format!("type=s3,bucket=trial,endpoint_url=file://{}", home.path().join("store").display());
    let checks = checks(S3Cache::builder(&options.parse().unwrap()).env(MapEnv::default()));
    assert_eq!(failed(&checks), [""; 0]);
    let names: Vec<_> = checks.iter().map(|check| check.name).collect();
    assert_eq!(names, ["options", "endpoint", "bucket", "list", "read", "write", "touch", "delete"]);
    std::fs::write(home.path().join("file"), "").unwrap();
    let options = format!("type=s3,bucket=trial,endpoint_url=file://{}", home.path().join("file").display());
    let wrong = self::checks(S3Cache::builder(&options.parse().unwrap()).env(MapEnv::default()));
    assert!(!failed(&wrong).is_empty(), "{wrong:?}");
}

#[test]
fn invalid_settings_are_reported_before_anything_is_sent() {
    for (options, variables, parts) in [
        ("type=s3,bucket=trial", &[][..], &["there is no region", "AWS_REGION"][..]),
        ("type=s3,region=r", &[], &["there is no bucket", "AWS_BUCKET"]),
        ("type=s3,bucket=trial,region=r", &[("AWS_USE_FIPS_ENDPOINT", "maybe")], &["AWS_USE_FIPS_ENDPOINT"]),
        ("type=s3,bucket=trial,region=r", &[("AWS_PROFILE", "nowhere")], &["nowhere"]),
    ] {
        let env = MapEnv::new(variables.iter().copied());
        let checks = checks(S3Cache::builder(&options.parse().unwrap()).env(env));
        assert_eq!(failed(&checks), ["options"]);
        let check = find(&checks, "options");
        let text = format!("{} {}", check.detail, check.hint.as_deref().unwrap());
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        skipped(&checks, &["bucket", "list", "read", "write", "touch", "delete"]);
    }
}
