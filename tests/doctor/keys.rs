//! The keys: missing ones, wrong ones, and their identity.

use s3_build_cache::env::MapEnv;
use s3_build_cache::{ErrorKind, S3Cache};

use super::{checks, diagnose, failed, find, has_passed, only, skipped};
use crate::loopback::Loopback;
use crate::s3_server::{Config, Server};
use crate::stub::Stub;

/// Starts a Security Token Service that always returns this response.
fn sts(status: u16, body: &'static str) -> Stub {
    Stub::start(move |_| (status, String::new(), body.to_owned()))
}

const WHO: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ci</Arn>\
    <UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
const UNKNOWN: &str =
    "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no</Message></Error></ErrorResponse>";

#[test]
fn the_identity_is_looked_up_if_sts_is_available() {
    let server = Server::start();
    let at = |url: &str| diagnose(&server, &server.endpoint(), &[("AWS_ENDPOINT_URL_STS", url)]);
    let known = at(&sts(200, WHO).url());
    assert_eq!(failed(&known), [""; 0]);
    assert_eq!(find(&known, "identity").detail, "arn:aws:iam::123456789012:user/ci (account 123456789012)");
    only(
        &at(&sts(403, UNKNOWN).url()),
        "identity",
        ErrorKind::Access,
        &["InvalidClientTokenId", "does not know the access key"],
    );
    only(&at(&sts(200, "<x/>").url()), "identity", ErrorKind::Access, &["GetCallerIdentityResult"]);
    // S3 works without STS.
    let closed = Loopback::start(drop);
    let silent = at(&format!("http://{}", closed.address));
    assert_eq!(failed(&silent), [""; 0], "{silent:#?}");
    skipped(&silent, &["identity"]);
    // The global variable names a custom store for both services, and that store is not a Security Token Service.
    let options = format!("type=s3,bucket={},region={}", server.bucket(), server.region());
    let endpoint = server.endpoint();
    let env = MapEnv::new(crate::network::variables(&server, &[("AWS_ENDPOINT_URL", &endpoint)]));
    let global = checks(S3Cache::builder(&options.parse().unwrap()).env(env));
    assert_eq!(failed(&global), [""; 0], "{global:#?}");
    skipped(&global, &["identity"]);
    assert!(find(&global, "endpoint").detail.contains("AWS_ENDPOINT_URL"));
}

#[test]
fn sts_refusals_are_explained_by_their_error_code() {
    let server = Server::start();
    for (status, code, parts) in [
        (403, "InvalidAccessKeyId", &["InvalidAccessKeyId", "STS does not know the access key"][..]),
        (400, "InvalidToken", &["the session token does not belong to the keys"]),
        (403, "ExpiredToken", &["the session has expired"]),
        (403, "", &["HTTP 403", "no reason is given", "a proxy"]),
        (404, "", &["AWS_ENDPOINT_URL_STS"]),
    ] {
        let stub = Stub::start(move |_| {
            let document = format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>");
            (status, String::new(), if code.is_empty() { String::new() } else { document })
        });
        let checks = diagnose(&server, &server.endpoint(), &[("AWS_ENDPOINT_URL_STS", &stub.url())]);
        only(&checks, "identity", ErrorKind::Access, parts);
        let hint = find(&checks, "identity").hint.clone().unwrap();
        assert_eq!(hint.contains("AWS_ENDPOINT_URL_STS"), status == 404, "{hint}");
    }
}

#[test]
fn a_signature_echoed_by_sts_is_not_shown() {
    let server = Server::start();
    let sts = Stub::start(|request| {
        let line = request.head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization:")).unwrap();
        let message = format!("not this: {line}, or {}", line.rsplit_once('=').unwrap().1);
        (
            403,
            String::new(),
            format!("<ErrorResponse><Error><Code>No</Code><Message>{message}</Message></Error></ErrorResponse>"),
        )
    });
    let checks = diagnose(&server, &server.endpoint(), &[("AWS_ENDPOINT_URL_STS", &sts.url())]);
    let detail = &find(&checks, "identity").detail;
    assert!(detail.contains("Signature=***, or ***") && !detail.contains("Signature=*** "), "{detail}");
}

#[test]
fn wrong_keys_are_detected_at_the_bucket() {
    let server = Server::start();
    for (name, value, parts) in [
        ("AWS_SECRET_ACCESS_KEY", "wrong", &["SignatureDoesNotMatch", "secret access key is wrong"][..]),
        ("AWS_ACCESS_KEY_ID", "AKIDUNKNOWN", &["InvalidAccessKeyId", "does not know the access key"]),
        ("AWS_SESSION_TOKEN", "bogus", &["the session token does not belong"]),
    ] {
        let checks = diagnose(&server, &server.endpoint(), &[(name, value)]);
        only(&checks, "bucket", ErrorKind::Access, parts);
        skipped(&checks, &["list", "read", "write", "touch", "delete"]);
    }
}

#[test]
fn the_network_path_is_checked_even_without_keys() {
    let server = Server::start();
    let options = crate::network::attributes(&server, &server.endpoint());
    let env = || MapEnv::new([("AWS_EC2_METADATA_DISABLED", "true")]);
    let none = checks(S3Cache::builder(&options.parse().unwrap()).env(env()));
    only(&none, "credentials", ErrorKind::Access, &["there are no credentials", "AWS_ACCESS_KEY_ID"]);
    assert!(has_passed(&none, "http"));
    skipped(&none, &["key", "expiry", "identity", "bucket", "list", "read", "write"]);
    // A public bucket needs no keys.
    let public = Server::with(Config { anonymous_read: true, ..Config::default() });
    let options = format!("{},anonymous=true", crate::network::attributes(&public, &public.endpoint()));
    let unsigned = checks(S3Cache::builder(&options.parse().unwrap()).env(env()));
    assert!(find(&unsigned, "credentials").detail.contains("anonymous=true"));
    skipped(&unsigned, &["key", "expiry", "identity"]);
    assert!(has_passed(&unsigned, "bucket"), "{unsigned:#?}");
}

#[test]
fn half_a_key_pair_is_reported() {
    let server = Server::start();
    let options = crate::network::attributes(&server, &server.endpoint());
    let env = MapEnv::new([("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_ACCESS_KEY_ID", "AKID")]);
    let checks = checks(S3Cache::builder(&options.parse().unwrap()).env(env));
    only(&checks, "credentials", ErrorKind::Access, &["AWS_SECRET_ACCESS_KEY is not", "set AWS_SECRET_ACCESS_KEY too"]);
}
