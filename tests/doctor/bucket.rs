//! Servers with one problem each.

use s3_build_cache::ErrorKind;

use super::{diagnose, failed, find, only, skipped};
use crate::s3_server::{Config, Failure, Fault, Match, Operation, Server};

fn denied() -> Fault {
    Fault::Reply(Failure::new(403, "AccessDenied", "Access Denied"))
}

#[test]
fn each_missing_permission_is_named() {
    use Operation::{CopyObject, GetObject, ListObjectsV2, PutObject};
    for (operation, name, hint) in [
        (ListObjectsV2, "list", "s3:ListBucket"),
        (GetObject, "read", "s3:GetObject"),
        (PutObject, "write", "s3:PutObject"),
        (CopyObject, "touch", "s3:GetObject and s3:PutObject"),
    ] {
        let server = Server::start();
        server.fault(Match::operation(operation).always(), denied());
        let checks = diagnose(&server, &server.endpoint(), &[]);
        only(&checks, name, ErrorKind::Access, &["AccessDenied", hint, "AWS_ACCESS_KEY_ID"]);
        assert!(server.keys().is_empty(), "{:?}", server.keys());
    }
}

#[test]
fn a_permission_proved_by_the_listing_is_not_suggested() {
    let server = Server::start();
    server.fault(Match::operation(Operation::GetObject).always(), denied());
    let checks = diagnose(&server, &server.endpoint(), &[]);
    only(&checks, "read", ErrorKind::Access, &["allow s3:GetObject on the object"]);
    let hint = find(&checks, "read").hint.as_deref().unwrap();
    assert!(!hint.contains("s3:ListBucket"), "{hint}");
}

#[test]
fn the_unsigned_request_names_the_payer_and_the_owner_too() {
    let server = Server::start();
    let more = ",request_payer=requester,expected_bucket_owner=111122223333";
    super::checks(crate::s3::builder(&server, more));
    let (name, owner) = ("x-amz-request-payer", "x-amz-expected-bucket-owner");
    let requests = server.requests();
    assert!(requests.iter().any(|request| request.header("authorization").is_none()), "{requests:?}");
    for request in &requests {
        assert_eq!((request.header(name), request.header(owner)), (Some("requester"), Some("111122223333")));
    }
}

#[test]
fn an_archived_blob_that_no_manifest_names_is_ignored() {
    let server = Server::start();
    server.put_object_with("blobs/sha256:00", b"x", &[("x-amz-storage-class", "GLACIER")]);
    assert_eq!(failed(&diagnose(&server, &server.endpoint(), &[])), [""; 0]);
    crate::s3::export(&crate::s3::cache(&server, ""), "min").unwrap();
    for key in server.keys().iter().filter(|key| key.starts_with("blobs/")) {
        let bytes = server.object(key).unwrap();
        server.put_object_with(key, &bytes, &[("x-amz-storage-class", "GLACIER")]);
    }
    only(&diagnose(&server, &server.endpoint(), &[]), "read", ErrorKind::Archived, &["is archived", "restore it"]);
}

/// An export deletes nothing, so its policy need not allow it. Repeated probes overwrite each other.
#[test]
fn a_probe_that_cannot_be_deleted_is_not_a_failure_and_has_a_fixed_key() {
    let server = Server::start();
    server.fault(Match::operation(Operation::DeleteObject).always(), denied());
    for _ in 0..2 {
        let checks = diagnose(&server, &server.endpoint(), &[]);
        assert_eq!(failed(&checks), [""; 0], "{checks:#?}");
        skipped(&checks, &["delete"]);
        assert!(find(&checks, "delete").detail.contains("not needed"), "{checks:#?}");
        assert_eq!(server.keys(), ["blobs/s3-build-cache-doctor"]);
    }
}

#[test]
fn existing_names_are_listed_if_the_requested_one_is_absent() {
    let server = Server::start();
    let read = || find(&diagnose(&server, &server.endpoint(), &[]), "read").detail.clone();
    assert!(read().contains("buildkit: not found (s3://cache/manifests/buildkit)"), "{}", read());
    assert!(read().contains("no manifests under s3://cache/manifests/"), "{}", read());
    for name in ["a", "b", "c", "d/e", "f", "g", "h"] {
        server.put_object(&format!("manifests/{name}"), b"{}");
    }
    server.put_object("manifests/", b"");
    assert!(read().ends_with("existing names: a, b, c, d/e, f and 2 more"), "{}", read());
}

/// A missing manifest does not show whether reading is permitted; an existing blob does.
#[test]
fn read_permission_is_tested_on_existing_objects() {
    let server = Server::start();
    server.put_object("blobs/sha256:00", b"x");
    server.fault(Match::operation(Operation::GetObject).key("blobs/").always(), denied());
    only(&diagnose(&server, &server.endpoint(), &[]), "read", ErrorKind::Access, &["s3:GetObject"]);
}

#[test]
fn a_bucket_in_another_region_is_distinguished_from_a_missing_one() {
    let server = Server::start();
    let at = |bucket, region| {
        let endpoint = server.endpoint();
        format!("type=s3,bucket={bucket},region={region},endpoint_url={endpoint},retry_max_attempts=1")
    };
    let checks = |options: String| {
        let env = s3_build_cache::env::MapEnv::new(crate::network::variables(&server, &[]));
        super::checks(s3_build_cache::S3Cache::builder(&options.parse().unwrap()).env(env))
    };
    only(
        &checks(at("cache", "us-east-1")),
        "bucket",
        ErrorKind::Setup,
        &["in region eu-test-1", "set region=eu-test-1"],
    );
    let absent = checks(at("absent", "eu-test-1"));
    only(&absent, "bucket", ErrorKind::NoSuchBucket, &["NoSuchBucket", "check bucket"]);
    skipped(&absent, &["list", "read", "write", "touch", "delete"]);
}

#[test]
fn a_server_that_does_not_speak_s3_is_reported() {
    let server = Server::start();
    server.fault(Match::any().always(), Fault::Html(200));
    only(&diagnose(&server, &server.endpoint(), &[]), "bucket", ErrorKind::Store, &["does not answer as S3 does"]);
}

#[test]
fn a_damaged_cache_is_detected() {
    let server = Server::start();
    server.put_object("manifests/buildkit", b"{\"layers\":[{}]}");
    only(&diagnose(&server, &server.endpoint(), &[]), "read", ErrorKind::Integrity, &["not a valid cache manifest"]);
    let server = Server::start();
    crate::s3::export(&crate::s3::cache(&server, ""), "min").unwrap();
    for key in server.keys().iter().filter(|key| key.starts_with("blobs/")) {
        assert!(server.remove(key));
    }
    only(&diagnose(&server, &server.endpoint(), &[]), "read", ErrorKind::Integrity, &["is gone", "export the cache"]);
}

#[test]
fn a_store_that_cannot_copy_is_reported() {
    let server = Server::start();
    let refused = Failure::new(501, "NotImplemented", "not here");
    server.fault(Match::operation(Operation::CopyObject).always(), Fault::Reply(refused));
    let checks = diagnose(&server, &server.endpoint(), &[]);
    assert_eq!(failed(&checks), ["touch"], "{checks:#?}");
    assert!(server.keys().is_empty());
}

#[test]
fn clock_skew_is_reported_and_the_other_checks_continue() {
    for (ahead, side) in [(3600, "behind"), (-3600, "ahead of")] {
        let server = Server::with(Config { clock_ahead: ahead, ..Config::default() });
        let checks = diagnose(&server, &server.endpoint(), &[]);
        only(&checks, "clock", ErrorKind::Setup, &[side, "the server's", "NTP"]);
    }
}

/// An interrupted check leaves no stray object.
#[test]
fn a_cancelled_probe_is_removed() {
    for operation in [Operation::PutObject, Operation::CopyObject] {
        let server = Server::start();
        let done = if operation == Operation::PutObject {
            Fault::ReplyAfter(Failure::new(500, "InternalError", "stored, and forgotten"))
        } else {
            Fault::Delay(std::time::Duration::from_millis(400))
        };
        server.fault(Match::operation(operation).always(), done);
        let cancel = s3_build_cache::Cancel::new();
        let builder = crate::s3::builder(&server, "").cancel(cancel.clone());
        let mut checks = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while server.keys().is_empty() && !server.requests().iter().any(|request| request.method == "DELETE") {
                    std::thread::yield_now();
                }
                cancel.cancel();
            });
            let options = s3_build_cache::doctor::DoctorOptions::new().write(true);
            builder.diagnose(&options, |check| checks.push(check.clone()));
        });
        assert!(server.keys().is_empty(), "{:?} {checks:#?}", server.keys());
        assert!(failed(&checks).iter().any(|name| ["write", "touch"].contains(name)), "{checks:#?}");
    }
}

/// Refusals are explained as in exports and imports.
#[test]
fn detailed_refusals_are_explained() {
    let user = "User: arn:aws:sts::111122223333:assumed-role/ci/b is not authorized to perform: ";
    let deny = |rest: &str| Failure::new(403, "AccessDenied", &format!("{user}{rest}"));
    for (operation, failure, name, kind, parts) in [
        (
            Operation::PutObject,
            deny("s3:PutObject on resource: \"x\" with an explicit deny in a resource-based policy"),
            "write",
            ErrorKind::Access,
            &["an explicit deny in a resource-based policy", "server_side_encryption"][..],
        ),
        (
            Operation::GetObject,
            Failure::new(400, "KMS.DisabledException", "arn:aws:kms:x is disabled."),
            "read",
            ErrorKind::Store,
            &["the KMS key that the object is encrypted with is disabled"],
        ),
        (
            Operation::ListObjectsV2,
            deny("s3:ListBucket on resource: \"x\" with an explicit deny in a VPC endpoint policy"),
            "list",
            ErrorKind::Access,
            &["the VPC endpoint policy"],
        ),
    ] {
        let server = Server::start();
        server.put_object("blobs/sha256:00", b"x");
        server.fault(Match::operation(operation).always(), Fault::Reply(failure));
        only(&diagnose(&server, &server.endpoint(), &[]), name, kind, parts);
    }
    let server = Server::start();
    let message = "The region name 'eu-test-1' is not valid. Must be one of: wnam, enam, weur, eeur, apac, oc, auto";
    server.fault(Match::any().always(), Fault::Reply(Failure::new(400, "InvalidRegionName", message)));
    let parts = &["which comes from the attribute region", "set region=auto"];
    only(&diagnose(&server, &server.endpoint(), &[]), "bucket", ErrorKind::Store, parts);
}

#[test]
fn the_suggested_region_differs_from_the_given_one() {
    let server = Server::start();
    let wrong = Failure::new(400, "AuthorizationHeaderMalformed", "the region is wrong").detail("Region", "eu-west-3");
    server.fault(Match::any().always(), Fault::Reply(wrong));
    let checks = diagnose(&server, &server.endpoint(), &[]);
    only(&checks, "bucket", ErrorKind::Access, &["in region eu-west-3, not eu-test-1: set region=eu-west-3"]);
}

#[test]
fn a_lifecycle_rule_that_aborts_uploads_is_reported() {
    let abort =
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>3</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
    let rule = format!("<Rule><ID>x</ID><Filter></Filter><Status>Enabled</Status>{abort}</Rule>");
    for (lifecycle, detail, has_hint) in [
        (Some(rule), "unfinished uploads are aborted after 3 days", false),
        (Some(String::new()), "no rule aborts unfinished uploads", true),
        (None, "", false),
    ] {
        let server = Server::with(Config { lifecycle, ..Config::default() });
        let checks = diagnose(&server, &server.endpoint(), &[]);
        assert_eq!(failed(&checks), [""; 0]);
        let found = checks.iter().find(|check| check.name == "lifecycle");
        assert_eq!(found.map_or("", |check| &check.detail), detail);
        assert_eq!(found.is_some_and(|check| check.hint.is_some()), has_hint);
    }
}
