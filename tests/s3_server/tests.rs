//! The server's own tests: its signatures against published ones, its rules over plain sockets.

use std::time::Duration;

use super::raw::{Reply, Request, Signing, connect, receive, send, send_on};
use super::sigv4::{Authorization, Signed, canonical_request, signature};
use super::{Config, Credentials, Server};

fn get(server: &Server, target: &str) -> Reply {
    send(server, &Request::new("GET", target).signed(server)).unwrap()
}

fn put(server: &Server, target: &str, body: &[u8]) -> Reply {
    let request = Request::new("PUT", target).header("content-type", "application/octet-stream").body(body);
    send(server, &request.signed(server)).unwrap()
}

/// Status and S3 code, as tables of expectations spell them.
fn outcome(reply: &Reply) -> String {
    format!("{} {}", reply.status, reply.code()).trim_end().to_owned()
}

#[test]
fn signatures_equal_the_published_ones() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../fixtures/sigv4-vectors.json")).unwrap();
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
        let computed = signature(secret, "20250102T030405Z", text("region"), &canonical.unwrap());
        assert_eq!(computed, authorization.signature, "{}", text("name"));
    }
}

#[test]
fn what_is_put_is_got_and_listed() {
    let server = Server::start();
    let stream = connect(&server);
    let put = Request::new("PUT", "/cache/blobs/sha256%3Aab").header("content-type", "text/plain").body(b"hello");
    let stored = send_on(&stream, &put.signed(&server)).unwrap();
    assert_eq!(stored.status, 200);
    assert_eq!(server.object("blobs/sha256:ab").as_deref(), Some(&b"hello"[..]));

    let read = |request: Request| send_on(&stream, &request.signed(&server)).unwrap();
    let got = read(Request::new("GET", "/cache/blobs/sha256%3Aab"));
    assert_eq!((got.status, got.text().as_str()), (200, "hello"));
    assert_eq!(got.header("etag"), stored.header("etag"));
    let head = read(Request::new("HEAD", "/cache/blobs/sha256%3Aab"));
    assert_eq!((head.status, head.header("content-length")), (200, Some("5")));
    assert_eq!(head.header("content-type"), Some("text/plain"));
    let listed = read(Request::new("GET", "/cache/?encoding-type=url&list-type=2&prefix=blobs%2F"));
    assert!(listed.text().contains("<Key>blobs/sha256%3Aab</Key>"), "{}", listed.text());
    assert_eq!(read(Request::new("DELETE", "/cache/blobs/sha256%3Aab")).status, 204);
    assert_eq!(server.keys(), Vec::<String>::new());

    let requests = server.take_requests();
    assert_eq!(requests.len(), 5);
    assert!(requests.iter().all(|request| request.connection == 1 && request.refused.is_none()));
    assert_eq!((requests[0].method.as_str(), requests[0].body_len, requests[0].status), ("PUT", 5, 200));
}

#[test]
fn ranges_and_conditions() {
    let server = Server::start();
    server.put_object("k", b"0123456789");
    server.put_object("empty", b"");
    for (target, range, expected, body) in [
        ("/cache/k", "bytes=2-4", "206 bytes 2-4/10", "234"),
        ("/cache/k", "bytes=7-", "206 bytes 7-9/10", "789"),
        ("/cache/k", "bytes=-2", "206 bytes 8-9/10", "89"),
        ("/cache/k", "bytes=8-99", "206 bytes 8-9/10", "89"),
        ("/cache/k", "bytes=10-", "416 bytes */10", "InvalidRange"),
        ("/cache/empty", "bytes=0-0", "416 bytes */0", "InvalidRange"),
        ("/cache/k", "lines=1-2", "200 ", "0123456789"),
    ] {
        let request = Request::new("GET", target).header("range", range).signed(&server);
        let reply = send(&server, &request).unwrap();
        assert_eq!(format!("{} {}", reply.status, reply.header("content-range").unwrap_or_default()), expected);
        assert!(reply.text().contains(body), "{range}: {}", reply.text());
    }
    let etag = get(&server, "/cache/k").header("etag").unwrap().to_owned();
    for (tag, expected) in [(etag.as_str(), "200"), ("\"other\"", "412 PreconditionFailed")] {
        let request = Request::new("GET", "/cache/k").header("if-match", tag).signed(&server);
        assert_eq!(outcome(&send(&server, &request).unwrap()), expected);
    }
}

#[test]
fn a_copy_onto_itself_must_replace_and_makes_the_object_new() {
    let server = Server::start();
    server.put_object("a b", b"x");
    server.set_age("a b", Duration::from_secs(3600));
    let copy = |source: &str, headers: &[(&str, &str)]| {
        let mut request = Request::new("PUT", "/cache/a%20b").body(b"").header("x-amz-copy-source", source);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        send(&server, &request.signed(&server)).unwrap()
    };
    assert_eq!(outcome(&copy("cache/a%20b", &[])), "400 InvalidRequest");
    let replace = [("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-updated-at", "now")];
    assert_eq!(outcome(&copy("cache/a b", &replace)), "400 InvalidArgument");
    assert_eq!(outcome(&copy("cache/gone", &replace)), "404 NoSuchKey");
    assert!(server.age("a b").unwrap() >= Duration::from_secs(3600));
    let done = copy("cache/a%20b", &replace);
    assert_eq!(done.status, 200);
    assert!(done.text().contains("<CopyObjectResult") && done.text().contains("<LastModified>"));
    assert!(server.age("a b").unwrap() < Duration::from_secs(600));
    assert!(server.object_headers("a b").unwrap().contains(&("x-amz-meta-updated-at".into(), "now".into())));
}

#[test]
fn pages_of_a_listing_end_and_their_tokens_need_encoding() {
    let server = Server::with(Config { page_size: 2, ..Config::default() });
    for key in ["a", "b", "c d+e", "d"] {
        server.put_object(key, b"");
    }
    let first = get(&server, "/cache/?encoding-type=url&list-type=2").text();
    let token = super::text::xml_unescape(super::text::xml_elements(&first, "NextContinuationToken")[0]);
    let token = super::text::percent_encode(&token, "");
    let second = get(&server, &format!("/cache/?continuation-token={token}&encoding-type=url&list-type=2")).text();
    assert_eq!(super::text::xml_elements(&second, "Key"), ["c+d%2Be", "d"]);
    assert!(second.contains("<IsTruncated>false</IsTruncated>"));
    let broken = get(&server, "/cache/?continuation-token=x&list-type=2");
    assert_eq!(outcome(&broken), "400 InvalidArgument");
}

#[test]
fn the_wrong_signature_is_refused_for_its_own_reason() {
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
fn what_some_store_refuses_is_refused() {
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
fn a_target_in_another_spelling_is_refused() {
    let server = Server::start();
    for target in ["/cache/sha256:ab", "/cache/a%2fb", "/cache/a+b"] {
        let mut request = Request::new("GET", &super::text::percent_encode(target, "/")).signed(&server);
        request.target = target.into();
        assert_eq!(outcome(&send(&server, &request).unwrap()), "403 SignatureDoesNotMatch", "{target}");
    }
}

#[test]
fn tokens_are_needed_checked_and_expire() {
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
fn without_the_permission_to_list_a_missing_key_is_forbidden() {
    let server = Server::with(Config { list_denied: true, ..Config::default() });
    server.put_object("k", b"x");
    assert_eq!(outcome(&get(&server, "/cache/k")), "200");
    assert_eq!(outcome(&get(&server, "/cache/gone")), "403 AccessDenied");
    assert_eq!(outcome(&get(&server, "/cache/?list-type=2")), "403 AccessDenied");
    assert_eq!(put(&server, "/cache/new", b"x").status, 200);
}

#[test]
fn buckets_are_found_in_host_names_and_below_a_base_path() {
    let domain = Some("s3.localhost".to_owned());
    let virtual_only = Config { domain, virtual_only: true, base_path: "/base".into(), ..Config::default() };
    let server = Server::with(virtual_only);
    server.put_object("a/k", b"x");
    let host = format!("cache.s3.localhost:{}", server.address().port());
    let request = Request::new("GET", "/base/a/k").header("host", &host).signed(&server);
    assert_eq!(send(&server, &request).unwrap().status, 200);
    assert_eq!(outcome(&get(&server, "/base/cache/a/k")), "403 SecondLevelDomainForbidden");

    let server = Server::with(Config { ipv6: true, base_path: "/s3".into(), ..Config::default() });
    server.put_object("k", b"x");
    assert!(server.endpoint().starts_with("http://[::1]:"));
    assert_eq!(get(&server, "/s3/cache/k").status, 200);
    assert_eq!(get(&server, "/cache/k").status, 400);
}

#[test]
fn a_refused_body_is_not_asked_for() {
    let server = Server::start();
    let put = || Request::new("PUT", "/cache/k").header("expect", "100-continue").body(b"hello");
    let stream = connect(&server);
    let mut good = put().signed_as(&server, &unsigned("expect"));
    let body = std::mem::take(&mut good.body);
    // The hash is that of the body: signed before it was set apart.
    assert_eq!(send_on(&stream, &good).unwrap().status, 100);
    std::io::Write::write_all(&mut &stream, &body).unwrap();
    assert_eq!(receive(&stream, false).unwrap().status, 200);

    let mut bad = put().signed_as(&server, &Signing { secret: Some("wrong".into()), ..unsigned("expect") });
    bad.body.clear();
    let reply = send(&server, &bad).unwrap();
    assert_eq!((reply.status, reply.header("connection")), (403, Some("close")));
}
