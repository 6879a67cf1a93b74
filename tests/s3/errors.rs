//! The meaning of each refusal, its message, and the number of attempts.

use std::sync::Arc;

use s3_build_cache::credentials::{Secret, StaticCredentials};
use s3_build_cache::{Error, ErrorKind};

use crate::s3::{builder, cache, elsewhere, export};
use crate::s3_server::{Config, Credentials, Failure, Fault, Match, Operation, Server};

#[track_caller]
pub(crate) fn told(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let text = format!("{} | {}", error.chain(), error.hint().unwrap_or_default());
    assert_eq!(error.kind(), kind, "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn wrong_credentials_are_distinguished_and_not_retried() {
    let server = Server::start();
    let keys = server.credentials();
    for (id, secret, token, parts) in [
        (&*keys.access_key_id, "wrong", None, &["SignatureDoesNotMatch", "secret access key is wrong"][..]),
        ("AKIDUNKNOWN", "wrong", None, &["InvalidAccessKeyId", "does not know the access key"]),
        (&keys.access_key_id, &keys.secret_access_key, Some("bogus"), &["the session token does not belong"]),
    ] {
        server.take_requests();
        let token = token.map(Secret::from);
        let provider = StaticCredentials::new(id, &Secret::from(secret), token.as_ref()).with_origin("this test");
        let opened = builder(&server, "").credentials(Arc::new(provider)).open().unwrap();
        let error = export(&opened, "max").unwrap_err();
        told(&error, ErrorKind::Access, parts);
        told(&error, ErrorKind::Access, &["this test", "ListObjectsV2 s3://cache"]);
        assert!(!format!("{error:?}").contains("wrong\""), "{error:?}");
        assert!(server.keys().is_empty());
        let error = opened.load().unwrap_err();
        told(&error, ErrorKind::Access, &["GetObject s3://cache/manifests/buildkit"]);
        assert!(server.requests().len() <= 3, "{:?}", server.requests());
    }
}

/// Some servers echo the request in their error messages.
#[test]
fn a_secret_echoed_by_the_server_is_not_shown() {
    let token = format!("IQoJb3MARKED{}", "x".repeat(400));
    let server = Server::with(Config {
        credentials: Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: "SECRETMARKED/key".to_owned(),
            session_token: Some(token.clone()),
        },
        ..Config::default()
    });
    let message = format!("the header x-amz-security-token:{token} was not signed, SECRETMARKED/key");
    server.fault(Match::any().always(), Fault::Reply(Failure::new(403, "AccessDenied", &message)));
    let error = cache(&server, "").load().unwrap_err();
    told(&error, ErrorKind::Access, &["the header x-amz-security-token:*** was not signed, ***"]);
    assert!(!format!("{error:?}{}", error.chain()).contains("MARKED"), "{error:?}");
}

#[test]
fn a_signature_echoed_by_the_server_is_not_shown() {
    let server = crate::stub::Stub::start(|request| {
        let line = request.head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization:")).unwrap();
        let signature = line.rsplit_once('=').unwrap().1;
        let message = format!("{signature} is wrong in {line}");
        (403, String::new(), format!("<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>"))
    });
    let options = format!("type=s3,bucket=cache,region=r,use_path_style=true,endpoint_url={}", server.url());
    let provider = StaticCredentials::new("AKIDEXAMPLE", &Secret::from("a-secret-access-key"), None);
    let cache = s3_build_cache::S3Cache::builder(&options.parse().unwrap()).credentials(Arc::new(provider));
    let error = cache.open().unwrap().load().unwrap_err();
    told(&error, ErrorKind::Access, &["*** is wrong in", "Credential=AKIDEXAMPLE/"]);
    let shown = error.chain();
    assert!(shown.ends_with("Signature=***"), "{shown}");
}

/// MinIO answers 403 to every request with such a token, which is no missing permission to list.
#[test]
fn minio_a_wrong_session_token_fails_before_anything_is_sent() {
    let server = Server::start();
    let refused = Failure::new(403, "InvalidTokenId", "The security token included in the request is invalid");
    server.fault(Match::operation(Operation::ListObjectsV2).always(), Fault::Reply(refused));
    let error = export(&cache(&server, ""), "max").unwrap_err();
    told(&error, ErrorKind::Access, &["ListObjectsV2", "InvalidTokenId", "token does not belong"]);
    assert!(server.keys().is_empty());
}

#[test]
fn a_missing_bucket_is_not_a_cache_miss() {
    let server = Server::start();
    let opened = elsewhere(&server);
    for error in [export(&opened, "max").unwrap_err(), export(&opened, "min").unwrap_err(), opened.load().unwrap_err()]
    {
        told(&error, ErrorKind::NoSuchBucket, &["NoSuchBucket", "absent", "check bucket"]);
    }
    assert!(server.requests().iter().all(|request| request.method == "GET"), "{:?}", server.requests());
}

/// Without `s3:ListBucket`, a missing object returns 403, which an import must not mistake for a cache miss.
#[test]
fn buildkit_3794_an_unreadable_manifest_is_not_a_cache_miss() {
    let server = Server::with(Config { list_denied: true, ..Config::default() });
    told(&cache(&server, "").load().unwrap_err(), ErrorKind::Access, &["AccessDenied", "s3:ListBucket"]);
    let anonymous = builder(&server, ",anonymous=true").open().unwrap();
    told(&anonymous.load().unwrap_err(), ErrorKind::Access, &["anonymous"]);
}

#[test]
fn an_export_does_not_need_permission_to_list() {
    let server = Server::with(Config { list_denied: true, ..Config::default() });
    let opened = cache(&server, "");
    // There, HEAD returns 403 for a missing blob too, so blobs of unknown state are uploaded.
    let error = export(&opened, "max").unwrap_err();
    told(&error, ErrorKind::Access, &["s3:ListBucket"]);
    let server = Server::start();
    server.fault(Match::operation(Operation::ListObjectsV2).always(), Fault::Reply(denied()));
    let report = export(&cache(&server, ""), "max").unwrap();
    assert_eq!(report.blobs.transferred, 10);
    let again = export(&cache(&server, ""), "max").unwrap();
    assert_eq!(again.blobs.present, 10);
}

fn denied() -> Failure {
    Failure::new(403, "AccessDenied", "Access Denied")
}

#[test]
fn buildkit_3211_the_reason_for_a_refusal_without_a_body_is_requested() {
    let server = Server::start();
    export(&cache(&server, ""), "min").unwrap();
    server.take_requests();
    server.fault(Match::operation(Operation::HeadObject).always(), Fault::Reply(denied()));
    // GET is permitted, and its response serves as well.
    let source = crate::s3::fixture("min");
    let config = source.load().unwrap();
    let opened = cache(&server, "");
    let report = opened.export_config(&config, &source, &s3_build_cache::ExportOptions::new()).unwrap();
    assert_eq!((report.blobs.present, report.blobs.transferred), (3, 0));
    assert!(server.requests().iter().any(|request| request.header("range") == Some("bytes=0-0")));
    server.fault(Match::operation(Operation::GetObject).always(), Fault::expired_token());
    told(&export(&opened, "min").unwrap_err(), ErrorKind::Access, &["HeadObject", "ExpiredToken", "expired"]);
}

#[test]
fn a_bucket_without_acceleration_is_an_error_with_a_hint() {
    for message in [
        "S3 Transfer Acceleration is not configured on this bucket",
        "S3 Transfer Acceleration is disabled on this bucket",
    ] {
        let server = Server::start();
        server.fault(Match::any().always(), Fault::Reply(Failure::new(400, "InvalidRequest", message)));
        let hint = "--bucket cache --accelerate-configuration Status=Enabled), or set use_accelerate_endpoint=false";
        told(&cache(&server, "").load().unwrap_err(), ErrorKind::Store, &[message, hint]);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn html_is_neither_s3_nor_a_cache_miss() {
    for status in [200, 403, 404] {
        let server = Server::start();
        server.fault(Match::any().always(), Fault::Html(status));
        for error in [
            export(&cache(&server, ""), "max").unwrap_err(),
            export(&cache(&server, ""), "min").unwrap_err(),
            cache(&server, "").load().unwrap_err(),
        ] {
            told(&error, ErrorKind::Store, &["does not answer as S3 does", "endpoint_url"]);
        }
    }
}

#[test]
fn an_html_server_error_may_come_from_a_proxy() {
    let server = Server::start();
    server.fault(Match::any().always(), Fault::Html(502));
    told(&cache(&server, "").load().unwrap_err(), ErrorKind::Store, &["HTTP 502", "proxy in between", "3 attempts"]);
    server.clear_faults();
    server.fault(Match::any().always(), Fault::internal_error());
    let error = cache(&server, "").load().unwrap_err();
    told(&error, ErrorKind::Store, &["InternalError", "the store failed"]);
    assert!(!error.hint().unwrap().contains("proxy"));
}

#[test]
fn a_store_that_verifies_hashes_rejects_a_corrupt_local_blob() {
    let server = Server::start();
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("cache");
    crate::fixture::copy("min", &copy);
    let blob = copy.join("blobs/sha256/6a6dc3084967287b564240682c1d1cbc50303e88a795bc13addda12b1779ffcb");
    let size = std::fs::metadata(&blob).unwrap().len();
    std::fs::write(&blob, vec![b'x'; usize::try_from(size).unwrap()]).unwrap();
    let source = s3_build_cache::LocalCache::open(&copy, "latest").unwrap();
    let error = cache(&server, ",verify_source=false").export(&source).unwrap_err();
    told(&error, ErrorKind::Integrity, &["XAmzContentSHA256Mismatch", "6a6dc308", "corrupt"]);
    assert_eq!(server.object("manifests/buildkit"), None);
    // A store without checks would store the blob, if the client did not check.
    for more in ["", ",verify_source=true"] {
        let trusting = Server::with(Config { checks_payload: false, ..Config::default() });
        let error = cache(&trusting, more).export(&source).unwrap_err();
        told(&error, ErrorKind::Integrity, &["6a6dc308"]);
        assert!(!trusting.keys().iter().any(|key| key.contains("6a6dc308")));
        assert_eq!(trusting.object("manifests/buildkit"), None);
    }
}

#[test]
fn only_the_host_and_path_of_a_redirect_are_shown() {
    for (location, shown) in [
        ("https://user:MARKED@s3.example.com/b/k?X-Amz-Signature=MARKED#MARKED", "https://s3.example.com/b/k"),
        ("//s3.example.com?MARKED", "//s3.example.com"),
        ("/login?next=MARKED", "/login"),
    ] {
        let server = Server::start();
        let redirect = Failure::new(302, "Found", "elsewhere").header("location", location);
        server.fault(Match::any().always(), Fault::Reply(redirect));
        let error = cache(&server, "").load().unwrap_err();
        told(&error, ErrorKind::Store, &[&format!("the server redirects to {shown}: check endpoint_url")]);
        assert!(!format!("{error:?}").contains("MARKED"), "{error:?}");
    }
}

#[test]
fn control_characters_from_a_server_do_not_reach_the_terminal() {
    let hostile = "a\u{7f}\u{9b}2J\u{202e}b\u{2028}c\u{200b}\u{feff}\u{e0041}";
    let server = Server::start();
    for code in ["AccessDenied", hostile] {
        let mut failure = Failure::new(403, code, hostile).detail("RequestId", hostile).detail("Region", hostile);
        if code == hostile {
            failure = failure.detail("Endpoint", hostile);
        }
        server.clear_faults();
        server.fault(Match::any().always(), Fault::Reply(failure));
        let error = cache(&server, "").load().unwrap_err();
        let text = format!("{} {}", error.chain(), error.hint().unwrap_or_default());
        assert!(text.is_ascii() && !text.contains(char::is_control), "{text:?}");
        assert!(text.contains("\\u{202e}b\\u{2028}c"), "{text}");
    }
}
