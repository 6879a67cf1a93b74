//! Presigned URLs against the strict server.

use std::time::Duration;

use s3_build_cache::env::MapEnv;
use s3_build_cache::{ErrorKind, S3Cache};

use crate::conformance::fetch;
use crate::s3::cache;
use crate::s3_server::{Config, Credentials, Server};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_url_expires() {
    let server = Server::start();
    server.put_object("blobs/x", b"hello");
    let url = cache(&server, "").store().presign_get("blobs/x", HOUR).unwrap();
    assert_eq!(fetch(&url), (200, b"hello".to_vec()));
    server.set_clock_ahead(3590);
    assert_eq!(fetch(&url).0, 200);
    server.set_clock_ahead(3610);
    let (status, body) = fetch(&url);
    assert_eq!((status, String::from_utf8_lossy(&body).contains("Request has expired")), (403, true));
}

#[test]
fn a_url_is_for_one_object_and_one_endpoint() {
    let server = Server::with(Config { base_path: "/s3".to_owned(), ..Config::default() });
    server.put_object("blobs/x", b"hello");
    server.put_object("blobs/y", b"secret");
    let url = cache(&server, "").store().presign_get("blobs/x", HOUR).unwrap();
    assert!(url.starts_with(&format!("{}/cache/blobs/x?X-Amz-Algorithm=", server.endpoint())), "{url}");
    assert_eq!(fetch(&url).0, 200);
    assert_eq!(fetch(&url.replace("blobs/x", "blobs/y")).0, 403);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_session_and_the_payer_are_part_of_the_url() {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret+key/example", Some("token/with+all="));
    let server = Server::with(Config { credentials, requester_pays: true, ..Config::default() });
    server.put_object("blobs/x", b"hello");
    let url = cache(&server, ",request_payer=requester").store().presign_get("blobs/x", HOUR).unwrap();
    assert!(url.contains("X-Amz-Security-Token=token%2Fwith%2Ball%3D&"), "{url}");
    assert!(url.contains("&x-amz-request-payer=requester&"), "{url}");
    assert_eq!(fetch(&url), (200, b"hello".to_vec()));
}

/// The server's clock, once it is known to differ, is the one that counts.
#[test]
fn a_url_is_signed_with_the_time_of_the_server() {
    let server = Server::start();
    server.put_object("blobs/x", b"hello");
    server.set_clock_ahead(7200);
    let opened = cache(&server, "");
    opened.store().head("blobs/x").unwrap();
    let url = opened.store().presign_get("blobs/x", HOUR).unwrap();
    assert_eq!(fetch(&url).0, 200);
}

#[test]
fn without_credentials_there_is_no_url() {
    let server = Server::start();
    let attributes = format!("type=s3,bucket=cache,region=x,anonymous=true,endpoint_url={}", server.endpoint());
    let opened = S3Cache::builder(&attributes.parse().unwrap()).env(MapEnv::default()).open().unwrap();
    let error = opened.store().presign_get("blobs/x", HOUR).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
