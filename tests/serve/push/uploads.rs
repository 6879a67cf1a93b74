//! The ways to upload a blob that registry clients know.

use s3_build_cache::Digest;
use s3_build_cache::serve::{Mount, ServeOptions};

use crate::s3::cache;
use crate::s3_server::Server;
use crate::serve::client::Client;
use crate::serve::push::pusher::{at, put, put_part, start};
use crate::serve::push::{noise, serving, tuned};
use crate::serve::{Serving, directory};

const UPLOADS: &str = "/v2/export/blobs/uploads/";

#[test]
fn a_blob_may_come_in_pieces() {
    let server = Server::start();
    let serving = serving(tuned(&server, "", |_| {}));
    let mut client = Client::new(serving.address);
    for (size, pieces) in [(10, 3), (12 << 20, 3), (100, 1)] {
        let blob = noise(size);
        let digest = Digest::of(&blob);
        let location = start(&mut client, "export");
        let mut sent = 0;
        for piece in blob.chunks(size.div_ceil(pieces)) {
            let range = format!("{sent}-{}", sent + piece.len() - 1);
            let headers = [("Content-Range", range.as_str()), ("Content-Type", "application/octet-stream")];
            // A gap, and the same piece again, are refused with what was received.
            if sent > 0 {
                for wrong in [format!("0-{}", piece.len() - 1), format!("{}-{}", sent + 1, sent + piece.len())] {
                    let answer = client.send("PATCH", &location, &[("Content-Range", &wrong)], piece);
                    assert_eq!(answer.status, 416, "{}", answer.text());
                    assert_eq!(answer.header("range"), Some(format!("0-{}", sent - 1).as_str()));
                    client = Client::new(serving.address);
                }
            }
            let answer = client.send("PATCH", &location, &headers, piece);
            assert_eq!(answer.status, 202, "{}", answer.text());
            sent += piece.len();
            assert_eq!(answer.header("range"), Some(format!("0-{}", sent - 1).as_str()));
            assert_eq!(answer.header("location"), Some(location.as_str()));
            let state = client.get(&location);
            assert_eq!((state.status, state.header("range")), (204, Some(format!("0-{}", sent - 1).as_str())));
        }
        let answer = put(&mut client, &location, &digest, b"");
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.header("location"), Some(format!("/v2/export/blobs/{digest}").as_str()));
        assert_eq!(server.object(&format!("blobs/{digest}")), Some(blob));
        // A repeated request learns the same.
        assert_eq!(put(&mut client, &location, &digest, b"").status, 201);
        assert_eq!(client.get(&location).status, 404);
    }
}

#[test]
fn the_last_piece_may_come_with_the_digest() {
    let server = Server::start();
    let serving = serving(cache(&server, ""));
    let mut client = Client::new(serving.address);
    let blob = noise(1000);
    let location = start(&mut client, "export");
    assert_eq!(client.send("PATCH", &location, &[], &blob[..600]).status, 202);
    let answer = client.send("PUT", &at(&location, &Digest::of(&blob)), &[("Content-Range", "600-999")], &blob[600..]);
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(server.object(&format!("blobs/{}", Digest::of(&blob))), Some(blob));
}

#[test]
fn a_body_may_be_chunked() {
    let server = Server::start();
    let serving = serving(cache(&server, ""));
    let blob = noise(3000);
    let digest = Digest::of(&blob);
    let mut client = Client::new(serving.address);
    let chunked = |bytes: &[u8]| {
        let mut body = Vec::new();
        for chunk in bytes.chunks(700) {
            body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        body
    };
    let send = |method: &str, path: &str, bytes: &[u8]| {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {0}\r\nTransfer-Encoding: chunked\r\n", serving.address);
        let request = [head.as_bytes(), b"Connection: close\r\n\r\n", &chunked(bytes)].concat();
        String::from_utf8_lossy(&crate::serve::client::raw(serving.address, &request)).into_owned()
    };
    let location = start(&mut client, "export");
    let patched = send("PATCH", &location, &blob);
    assert!(patched.starts_with("HTTP/1.1 202") && patched.contains("0-2999"), "{patched}");
    assert_eq!(put(&mut client, &location, &digest, b"").status, 201);
    assert!(server.remove(&format!("blobs/{digest}")));
    // HEAD tells that the blob is gone again.
    assert_eq!(client.head(&format!("/v2/export/blobs/{digest}")).status, 404);
    let location = start(&mut client, "export");
    let whole = send("PUT", &at(&location, &digest), &blob);
    assert!(whole.starts_with("HTTP/1.1 201"), "{whole}");
    assert_eq!(server.object(&format!("blobs/{digest}")), Some(blob));
}

#[test]
fn a_blob_may_come_with_the_first_request() {
    let server = Server::start();
    let serving = serving(cache(&server, ""));
    let mut client = Client::new(serving.address);
    let blob = noise(1000);
    let digest = Digest::of(&blob);
    let answer = client.send("POST", &at(UPLOADS, &digest), &[], &blob);
    assert_eq!((answer.status, server.object(&format!("blobs/{digest}"))), (201, Some(blob)));
    // Without a body, it is only announced.
    let other = Digest::of(b"other");
    assert_eq!(client.send("POST", &at(UPLOADS, &other), &[], b"").status, 202);
    assert_eq!(client.send("POST", &at(UPLOADS, &Digest::of(b"")), &[], b"").status, 201);
}

#[test]
fn a_mount_needs_the_blob_in_the_same_store() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mounts = vec![
        Mount::writable("one", directory(first.path(), "")),
        Mount::writable("other", directory(second.path(), "")),
        Mount::writable("twin", directory(first.path(), "")),
    ];
    let serving = Serving::start(mounts, &ServeOptions::new());
    let mut client = Client::new(serving.address);
    let blob = noise(1000);
    let digest = Digest::of(&blob);
    assert!(super::pusher::push_blob(&mut client, "one", &blob));
    let mut mount = |to: &str| {
        let path = format!("/v2/{to}/blobs/uploads/?mount={digest}&from=one");
        let answer = client.send("POST", &path, &[], b"");
        (answer.status, answer.header("location").unwrap().to_owned())
    };
    assert_eq!(mount("twin"), (201, format!("/v2/twin/blobs/{digest}")));
    let (status, location) = mount("other");
    assert!(status == 202 && location.starts_with("/v2/other/blobs/uploads/"), "{location}");
    assert_eq!(put(&mut client, &location, &digest, &blob).status, 201);
}

#[test]
fn an_upload_can_be_cancelled_and_unknown_ones_are_refused() {
    let server = Server::start();
    let serving = serving(cache(&server, ""));
    let mut client = Client::new(serving.address);
    let location = start(&mut client, "export");
    assert_eq!(client.send("PATCH", &location, &[], b"piece").status, 202);
    assert_eq!(client.send("DELETE", &location, &[], b"").status, 204);
    for method in ["DELETE", "GET", "PATCH"] {
        let answer = client.send(method, &location, &[], b"");
        assert_eq!((answer.status, answer.code()), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()), "{method}");
    }
    let answer = put(&mut client, &location, &Digest::of(b"unknown"), b"");
    assert_eq!((answer.status, answer.code()), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
    let location = start(&mut client, "export");
    let answer = client.send("PUT", &location, &[], b"");
    assert_eq!((answer.status, answer.code()), (400, "DIGEST_INVALID".to_owned()));
    assert!(server.keys().is_empty());
}

#[test]
fn a_wrong_digest_leaves_nothing_and_the_upload_can_be_repeated() {
    let server = Server::start();
    let serving = serving(tuned(&server, "", |_| {}));
    let mut client = Client::new(serving.address);
    for size in [1000, 5 << 20, 40 << 20] {
        let blob = noise(size);
        let location = start(&mut client, "export");
        let answer = put(&mut client, &location, &Digest::of(b"another"), &blob);
        assert_eq!((answer.status, answer.code()), (400, "DIGEST_INVALID".to_owned()));
        assert!(server.keys().is_empty() && server.uploads().is_empty(), "{size}");
        assert_eq!(put(&mut client, &location, &Digest::of(&blob), &blob).status, 201);
        assert!(server.remove(&format!("blobs/{}", Digest::of(&blob))));
    }
    let location = start(&mut client, "export");
    assert_eq!(client.send("PATCH", &location, &[], b"pieces").status, 202);
    assert_eq!(put(&mut client, &location, &Digest::of(b"another"), b"").status, 400);
    assert!(server.keys().is_empty());
}

#[test]
fn a_body_that_is_cut_leaves_nothing_and_the_upload_can_be_repeated() {
    let server = Server::start();
    let serving = serving(tuned(&server, "", |_| {}));
    let mut client = Client::new(serving.address);
    for size in [1000, 12 << 20] {
        let blob = noise(size);
        let digest = Digest::of(&blob);
        let location = start(&mut client, "export");
        for sent in [0, 1, size / 2, size - 1] {
            put_part(serving.address, &at(&location, &digest), size, &blob[..sent]);
        }
        // The same location takes the whole blob again.
        let answer = put(&mut client, &location, &digest, &blob);
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(server.object(&format!("blobs/{digest}")), Some(blob));
    }
    drop(serving);
    assert_eq!(server.keys().len(), 2);
    assert!(server.uploads().is_empty());
}
