//! Checks the signature verification with published signatures, and the rules with requests that break them.

use std::io::Write as _;

use super::super::raw::{Request, Signing, connect, receive, send, send_on};
use super::super::sigv4::{Authorization, Signed, canonical_request, signature};
use super::super::text::percent_encode;
use super::super::{Config, Credentials, Directory, Server};
use super::{get, outcome};

#[test]
fn signatures_match_the_published_ones() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../../fixtures/sigv4-vectors.json")).unwrap();
    let vectors = vectors["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let authorization = Authorization::parse(text("authorization")).unwrap();
        let mut headers: Vec<(String, String)> = vector["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().unwrap().to_owned()))
            .collect();
        headers.push(("host".into(), text("host").into()));
        headers.push(("x-amz-date".into(), "20250102T030405Z".into()));
        headers.push(("x-amz-content-sha256".into(), text("payload_hash").into()));
        if let Some(token) = vector["session_token"].as_str() {
            headers.push(("x-amz-security-token".into(), token.into()));
        }
        let canonical = canonical_request(&Signed {
            method: text("method"),
            path: text("path"),
            query: text("query"),
            headers: &headers,
            signed: &authorization.signed,
            payload_hash: text("payload_hash"),
        });
        assert_eq!(canonical.as_deref(), Some(text("canonical_request")), "{}", text("name"));
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let computed = signature(secret, "20250102T030405Z", (text("region"), "s3"), &canonical.unwrap());
        assert_eq!(computed, authorization.signature, "{}", text("name"));
    }
}

#[test]
fn each_wrong_signature_is_rejected_with_its_own_reason() {
    let server = Server::start();
    server.put_object("k", b"x");
    let plain = Signing::default;
    for (signing, expected) in [
        (plain(), "200"),
        (Signing { secret: Some("wrong".into()), ..plain() }, "403 SignatureDoesNotMatch"),
        (Signing { key_id: Some("NOBODY".into()), ..plain() }, "403 InvalidAccessKeyId"),
        (Signing { region: Some("us-east-1".into()), ..plain() }, "400 AuthorizationHeaderMalformed"),
        (Signing { clock_ahead: -16 * 60, ..plain() }, "403 RequestTimeTooSkewed"),
        (Signing { clock_ahead: 14 * 60, ..plain() }, "200"),
        (Signing { payload_hash: Some("0".repeat(64)), ..plain() }, "400 XAmzContentSHA256Mismatch"),
        (Signing { payload_hash: Some("UNSIGNED-PAYLOAD".into()), ..plain() }, "400 InvalidArgument"),
        (Signing { unsigned: vec!["x-amz-date"], ..plain() }, "400 AccessDenied"),
        (Signing { unsigned: vec!["host"], ..plain() }, "400 AccessDenied"),
    ] {
        let request = Request::new("GET", "/cache/k").signed_as(&server, &signing);
        assert_eq!(outcome(&send(&server, &request).unwrap()), expected, "{signing:?}");
    }
    let malformed = Signing { region: Some("us-east-1".into()), ..plain() };
    let reply = send(&server, &Request::new("GET", "/cache/k").signed_as(&server, &malformed)).unwrap();
    assert!(reply.text().contains("<Region>eu-test-1</Region>"));
    assert_eq!(send(&server, &Request::new("GET", "/cache/k").header("host", "h")).unwrap().status, 403);
}

#[test]
fn anything_that_some_store_rejects_is_rejected() {
    let server = Server::start();
    server.put_object("k", b"x");
    let get = || Request::new("GET", "/cache/k");
    let put = || Request::new("PUT", "/cache/new").header("content-type", "text/plain");
    for (request, expected) in [
        (get().header("accept-encoding", "identity").signed(&server), "403 SignatureDoesNotMatch"),
        (get().signed(&server).header("accept-encoding", "identity"), "200"),
        (get().header("range", "bytes=0-0").signed(&server), "206"),
        (get().signed(&server).header("x-amz-meta-a", "b"), "400 AccessDenied"),
        (get().header("x-amz-checksum-mode", "ENABLED").signed(&server), "501 NotImplemented"),
        (get().header("amz-sdk-request", "attempt=1").signed(&server), "400 InvalidArgument"),
        (Request::new("GET", "/cache/k?x-id=GetObject").signed(&server), "400 InvalidArgument"),
        (Request::new("GET", "/cache/k?torrent=").signed(&server), "501 NotImplemented"),
        (Request::new("GET", "/cache/a/../k").signed(&server), "400 XMinioInvalidObjectName"),
        (put().header("transfer-encoding", "chunked").signed(&server), "411 MissingContentLength"),
        (put().signed(&server), "411 MissingContentLength"),
        (put().header("content-encoding", "aws-chunked").body(b"x").signed(&server), "501 NotImplemented"),
        (put().header("x-amz-checksum-crc32", "AAAAAA==").body(b"x").signed(&server), "501 NotImplemented"),
        (put().body(b"x").signed_as(&server, &unsigned("content-type")), "400 AccessDenied"),
        (put().header("x-amz-storage-class", "FAST").body(b"x").signed(&server), "400 InvalidStorageClass"),
        (Request::new("PUT", "/other/k").body(b"x").signed(&server), "404 NoSuchBucket"),
        (Request::new("GET", "/cache/gone").signed(&server), "404 NoSuchKey"),
        (Request::new("GET", "/other/?list-type=2").signed(&server), "404 NoSuchBucket"),
        (Request::new("HEAD", "/other").signed(&server), "404"),
    ] {
        assert_eq!(outcome(&send(&server, &request).unwrap()), expected, "{} {}", request.method, request.target);
    }
    let long = format!("/cache/{}", "k".repeat(1025));
    assert_eq!(outcome(&send(&server, &Request::new("GET", &long).signed(&server)).unwrap()), "400 KeyTooLongError");
    assert_eq!(server.keys(), ["k"]);
}

fn unsigned(header: &'static str) -> Signing {
    Signing { unsigned: vec![header], ..Signing::default() }
}

#[test]
fn a_target_in_another_encoding_is_rejected() {
    let server = Server::start();
    for target in ["/cache/sha256:ab", "/cache/a%2fb", "/cache/a+b"] {
        let mut request = Request::new("GET", &percent_encode(target, "/")).signed(&server);
        request.target = target.into();
        assert_eq!(outcome(&send(&server, &request).unwrap()), "403 SignatureDoesNotMatch", "{target}");
    }
}

#[test]
fn session_tokens_are_required_checked_and_expire() {
    let credentials = Credentials::new("ASIA", "secret", Some("token/1+="));
    let server = Server::with(Config { credentials: credentials.clone(), ..Config::default() });
    server.put_object("k", b"x");
    let request = Request::new("GET", "/cache/k").signed(&server);
    assert_eq!(send(&server, &request).unwrap().status, 200);
    let mut without = request.clone();
    without.headers.retain(|(name, _)| name != "x-amz-security-token");
    assert_eq!(outcome(&send(&server, &without).unwrap()), "403 InvalidAccessKeyId");
    server.rotate_credentials(Credentials::new("ASIA", "secret", Some("token/2")));
    assert_eq!(outcome(&send(&server, &request).unwrap()), "400 ExpiredToken");
    assert_eq!(get(&server, "/cache/k").status, 200);
}

#[test]
fn a_rejected_body_is_not_requested() {
    let server = Server::start();
    let put = || Request::new("PUT", "/cache/k").header("expect", "100-continue").body(b"hello");
    let stream = connect(&server);
    let mut good = put().signed_as(&server, &unsigned("expect"));
    let body = std::mem::take(&mut good.body);
    // The hash matches the body, because it was signed before the body was removed.
    assert_eq!(send_on(&stream, &good).unwrap().status, 100);
    (&stream).write_all(&body).unwrap();
    assert_eq!(receive(&stream, false).unwrap().status, 200);

    let mut bad = put().signed_as(&server, &Signing { secret: Some("wrong".into()), ..unsigned("expect") });
    bad.body.clear();
    let reply = send(&server, &bad).unwrap();
    assert_eq!((reply.status, reply.header("connection")), (403, Some("close")));
}

#[test]
fn directory_buckets_refuse_what_aws_refuses_there() {
    let server = Server::with(Config::directory(Directory { base_keys: true, ..Directory::default() }));
    let bucket = format!("/{}", server.bucket());
    server.put_object("a/b", b"x");
    for (method, target, header, status, code) in [
        ("GET", "?list-type=2&prefix=a%2F", ("", ""), 200, ""),
        ("GET", "?list-type=2&prefix=a", ("", ""), 400, "InvalidRequest"),
        ("GET", "?list-type=2&start-after=a", ("", ""), 501, "NotImplemented"),
        ("GET", "?key-marker=a&upload-id-marker=b&uploads=", ("", ""), 501, "NotImplemented"),
        ("GET", "", ("", ""), 501, "NotSupported"),
        ("PUT", "/a/c", ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="), 501, "NotImplemented"),
        ("PUT", "/a/c", ("x-amz-storage-class", "STANDARD"), 400, "InvalidStorageClass"),
        ("GET", "/a/b", ("x-amz-request-payer", "requester"), 501, "NotImplemented"),
        ("GET", "/a/b", ("x-amz-s3session-token", "unknown"), 403, "InvalidAccessKeyId"),
        ("GET", "?session=", ("x-amz-create-session-mode", "Other"), 400, "InvalidArgument"),
        ("GET", "?session=", ("x-amz-create-session-mode", "ReadOnly"), 200, ""),
    ] {
        let mut request = Request::new(method, &format!("{bucket}{target}"));
        if method == "PUT" {
            request = request.body(b"");
        }
        if !header.0.is_empty() {
            request = request.header(header.0, header.1);
        }
        let reply = send(&server, &request.signed(&server)).unwrap();
        assert_eq!((reply.status, &*reply.code()), (status, code), "{method} {target} {header:?}");
    }
    // The default needs a session.
    let server = Server::with(Config::directory(Directory::default()));
    let reply = send(&server, &Request::new("GET", &format!("/{}/a", server.bucket())).signed(&server)).unwrap();
    assert_eq!((reply.status, &*reply.code()), (403, "AccessDenied"));
}
