//! The operations behave like S3's.

use std::time::Duration;

use super::super::raw::{Request, Signing, connect, send, send_on};
use super::super::text::{percent_encode, xml_elements, xml_escape, xml_unescape};
use super::super::{Config, Server};
use super::{get, outcome, put};

#[test]
fn a_stored_object_can_be_read_and_listed() {
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
fn ranges_and_conditions_are_honoured() {
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
fn a_copy_onto_itself_must_replace_and_refreshes_the_object() {
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
fn listing_pages_end_and_their_tokens_need_encoding() {
    let server = Server::with(Config { page_size: 2, ..Config::default() });
    for key in ["a", "b", "c d+e", "d"] {
        server.put_object(key, b"");
    }
    let first = get(&server, "/cache/?encoding-type=url&list-type=2").text();
    let token = xml_unescape(xml_elements(&first, "NextContinuationToken")[0]);
    let token = percent_encode(&token, "");
    let second = get(&server, &format!("/cache/?continuation-token={token}&encoding-type=url&list-type=2")).text();
    assert_eq!(xml_elements(&second, "Key"), ["c+d%2Be", "d"]);
    assert!(second.contains("<IsTruncated>false</IsTruncated>"));
    let broken = get(&server, "/cache/?continuation-token=x&list-type=2");
    assert_eq!(outcome(&broken), "400 InvalidArgument");
}

#[test]
fn a_missing_key_is_forbidden_without_permission_to_list() {
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
fn only_valid_parts_become_an_object() {
    let server = Server::with(Config { min_part: 4, ..Config::default() });
    let send = |request: Request| send(&server, &request.signed(&server)).unwrap();
    let begun = send(Request::new("POST", "/cache/k?uploads=").body(b"")).text();
    let id = xml_unescape(xml_elements(&begun, "UploadId")[0]);
    assert_eq!(server.uploads(), [("k".to_owned(), id.clone())]);
    let id = percent_encode(&id, "");
    let part = |number: u32, body: &[u8]| {
        let reply = send(Request::new("PUT", &format!("/cache/k?partNumber={number}&uploadId={id}")).body(body));
        format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>",
            xml_escape(reply.header("etag").unwrap())
        )
    };
    let (one, two, other, small) = (part(1, b"abcd"), part(2, b"efgh"), part(3, b"ijklm"), part(4, b"no"));
    let complete = |parts: &[&String]| {
        let inner: String = parts.iter().map(|part| part.as_str()).collect();
        let xmlns = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        let body = format!("<CompleteMultipartUpload {xmlns}>{inner}</CompleteMultipartUpload>");
        send(Request::new("POST", &format!("/cache/k?uploadId={id}")).body(body.as_bytes()))
    };
    assert_eq!(outcome(&complete(&[])), "400 MalformedXML");
    assert_eq!(outcome(&complete(&[&two, &one])), "400 InvalidPartOrder");
    assert_eq!(outcome(&complete(&[&one, &other, &small])), "400 InvalidPart");
    assert_eq!(outcome(&complete(&[&small, &"<Part><PartNumber>9</PartNumber>".into()])), "400 MalformedXML");
    let done = complete(&[&one, &two, &small]);
    assert!(done.status == 200 && done.text().contains("<CompleteMultipartUploadResult"), "{}", done.text());
    assert_eq!(server.object("k").as_deref(), Some(&b"abcdefghno"[..]));
    assert_eq!(outcome(&complete(&[&one])), "404 NoSuchUpload");
    assert!(server.uploads().is_empty());
}

#[test]
fn parts_are_copied_by_range_and_uploads_aborted() {
    let server = Server::start();
    server.put_object("source", b"0123456789");
    let send = |request: Request| send(&server, &request.signed(&server)).unwrap();
    send(Request::new("POST", "/cache/k?uploads=").body(b""));
    let id = percent_encode(&server.uploads()[0].1, "");
    for (range, expected) in [("bytes=2-4", "200"), ("bytes=2-10", "400 InvalidArgument")] {
        let request = Request::new("PUT", &format!("/cache/k?partNumber=1&uploadId={id}")).body(b"");
        let request = request.header("x-amz-copy-source", "cache/source").header("x-amz-copy-source-range", range);
        assert_eq!(outcome(&send(request)), expected, "{range}");
    }
    let parts = get(&server, &format!("/cache/k?uploadId={id}")).text();
    assert_eq!(xml_elements(&parts, "Size"), ["3"]);
    assert!(get(&server, "/cache/?uploads=").text().contains("<Key>k</Key>"));
    for expected in ["204", "404 NoSuchUpload"] {
        assert_eq!(outcome(&send(Request::new("DELETE", &format!("/cache/k?uploadId={id}")))), expected);
    }
}

#[test]
fn conditions_of_writes_and_deletions_are_checked() {
    let server = Server::start();
    let tag = put(&server, "/cache/k", b"old").header("etag").unwrap().to_owned();
    for (method, key, condition, expected) in [
        ("PUT", "k", ("if-none-match", "*"), "412 PreconditionFailed"),
        ("PUT", "k", ("if-none-match", "\"x\""), "501 NotImplemented"),
        ("PUT", "k", ("if-match", "\"x\""), "412 PreconditionFailed"),
        ("PUT", "absent", ("if-match", "*"), "404 NoSuchKey"),
        ("DELETE", "k", ("if-match", "\"x\""), "412 PreconditionFailed"),
        ("DELETE", "absent", ("if-match", "*"), "404 NoSuchKey"),
        ("PUT", "k", ("if-match", &tag), "200"),
        ("PUT", "new", ("if-none-match", "*"), "200"),
        ("DELETE", "new", ("if-match", "*"), "204"),
    ] {
        let request = Request::new(method, &format!("/cache/{key}")).header(condition.0, condition.1);
        let request = if method == "PUT" { request.body(b"old") } else { request };
        let request = request.header("content-type", "text/plain");
        assert_eq!(
            outcome(&send(&server, &request.signed(&server)).unwrap()),
            expected,
            "{method} {key} {condition:?}"
        );
    }
    let signing = Signing { unsigned: vec!["if-match"], ..Signing::default() };
    let unsigned = Request::new("DELETE", "/cache/k").header("if-match", &tag).signed_as(&server, &signing);
    assert_eq!(outcome(&send(&server, &unsigned).unwrap()), "400 AccessDenied");
    assert_eq!(server.keys(), ["k"]);
}

#[test]
fn a_presigned_request_has_all_its_parameters() {
    let server = Server::start();
    put(&server, "/cache/k", b"bytes");
    let head = |target: &str| send(&server, &Request::new("GET", target).header("host", "x")).unwrap();
    let all = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=C&X-Amz-Date=D&X-Amz-Expires=E&\
               X-Amz-Signature=S&X-Amz-SignedHeaders=host";
    let wrong = "400 AuthorizationQueryParametersError";
    assert_eq!(outcome(&head(&format!("/cache/k?{all}"))), wrong);
    for missing in ["X-Amz-Date=D&", "X-Amz-Expires=E&", "&X-Amz-SignedHeaders=host"] {
        assert_eq!(outcome(&head(&format!("/cache/k?{}", all.replace(missing, "")))), wrong, "{missing}");
    }
    // Without a signature these are unknown parameters.
    assert_eq!(outcome(&head("/cache/k?X-Amz-Algorithm=AWS4-HMAC-SHA256")), "501 NotImplemented");
}
