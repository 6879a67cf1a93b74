//! Buckets with default retention (Object Lock), which reject writes without a checksum.

use std::time::Duration;

use s3_build_cache::object::PutMode;
use s3_build_cache::{ErrorKind, ExportOptions, S3Cache};

use crate::s3::blobs::{self, Blobs, PART, cut};
use crate::s3::errors::told;
use crate::s3::{builder, cache};
use crate::s3_server::{Config, Failure, Fault, Match, Operation, Recorded, Server};

fn locked() -> Server {
    Server::with(Config { object_lock: true, ..blobs::config() })
}

#[track_caller]
fn export(cache: &S3Cache, blobs: &Blobs) {
    cache
        .export_config(&blobs.config, blobs, &ExportOptions::new())
        .unwrap_or_else(|error| panic!("{}", error.chain()));
}

fn refused(requests: &[Recorded]) -> usize {
    requests.iter().filter(|request| request.status == 400).count()
}

#[test]
fn a_checksum_is_sent_after_the_store_requires_one() {
    let (server, blobs) = (locked(), Blobs::of(&[10, 20, 30]));
    // The refusal does not count as a failed attempt.
    let opened = cache(&server, ",retry_max_attempts=1,upload_parallelism=1");
    export(&opened, &blobs);
    let requests = server.take_requests();
    assert!((1..=3).contains(&refused(&requests)), "{requests:?}");
    let manifest = requests.iter().find(|request| request.path.contains("/manifests/")).unwrap();
    assert!(manifest.header("x-amz-checksum-sha256").is_some(), "{manifest:?}");
    for key in server.keys() {
        server.set_age(&key, Duration::from_secs(100_000));
    }
    opened
        .store()
        .put("blobs/x", &s3_build_cache::object::BytesPayload::new(b"abc".to_vec()), &PutMode::Overwrite)
        .unwrap();
    export(&opened, &blobs);
    let requests = server.take_requests();
    assert_eq!(refused(&requests), 0, "it is remembered");
    let sent: Vec<&str> = requests.iter().filter_map(|request| request.header("x-amz-checksum-sha256")).collect();
    assert_eq!(sent[0], "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    let copies = requests.iter().filter(|request| request.operation == Operation::CopyObject);
    assert_eq!(copies.filter(|copy| copy.header("x-amz-checksum-algorithm") == Some("SHA256")).count(), 3);
}

#[test]
fn a_multipart_upload_restarts_with_checksums() {
    for more in [",retry_max_attempts=1", ",retry_max_attempts=1,upload_parallelism=1"] {
        let (server, blobs) = (locked(), Blobs::of(&[5 * PART + 3, 7 * PART, 2 * PART + 1]));
        let opened = cut(&server, more);
        export(&opened, &blobs);
        for (digest, bytes) in &blobs.bytes {
            assert_eq!(server.object(&format!("blobs/{digest}")).as_ref(), Some(bytes));
        }
        assert!(server.uploads().is_empty(), "what was begun in vain is aborted");
        assert!(refused(&server.take_requests()) > 0);
        for key in server.keys() {
            server.remove(&key);
        }
        export(&opened, &blobs);
        assert_eq!(refused(&server.take_requests()), 0, "it is remembered");
    }
}

/// Part copies have no checksums to send.
#[test]
fn a_large_blob_can_be_touched_in_a_locked_bucket() {
    let (server, blobs) = (locked(), Blobs::of(&[3 * PART]));
    let tuning = s3_build_cache::program::Tuning { max_copy: PART as u64, ..blobs::small_parts() };
    let opened = builder(&server, "").tuning(tuning).open().unwrap();
    export(&opened, &blobs);
    let key = format!("blobs/{}", blobs.digest());
    server.set_age(&key, Duration::from_secs(100_000));
    export(&opened, &blobs);
    assert!(server.age(&key).unwrap() < Duration::from_secs(60));
}

#[test]
fn only_known_checksum_refusals_are_recognized() {
    let wordings = [
        ("InvalidRequest", "Content-MD5 HTTP header is required for Put Object requests with Object Lock parameters"),
        ("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"),
        ("MissingContentMD5", "Missing required header for this request: Content-Md5."),
        ("MissingContentMD5", "no"),
    ];
    for (code, message) in wordings {
        let server = Server::with(Config { object_lock: true, ..Config::default() });
        server.fault(Match::operation(Operation::PutObject), Fault::Reply(Failure::new(400, code, message)));
        let payload = s3_build_cache::object::BytesPayload::new(b"abc".to_vec());
        cache(&server, ",retry_max_attempts=1").store().put("blobs/x", &payload, &PutMode::Overwrite).unwrap();
        assert_eq!(server.requests().len(), 2, "{code} {message}");
        // A store that accepts only Content-MD5.
        server.fault(Match::any().always(), Fault::Reply(Failure::new(400, code, message)));
        let error = cache(&server, "").store().put("blobs/x", &payload, &PutMode::Overwrite).unwrap_err();
        told(&error, ErrorKind::Store, &[code, "Object Lock"]);
    }
    for (status, code, message) in
        [(400, "InvalidArgument", "no"), (400, "BadDigest", "The Content-MD5 is wrong"), (501, "x", "Content-MD5")]
    {
        let server = Server::start();
        server.fault(Match::any().always(), Fault::Reply(Failure::new(status, code, message)));
        let payload = s3_build_cache::object::BytesPayload::new(b"abc".to_vec());
        cache(&server, "").store().put("blobs/x", &payload, &PutMode::Overwrite).unwrap_err();
        assert_eq!(server.requests().len(), 1, "{code}");
        assert_eq!(server.requests()[0].header("x-amz-checksum-sha256"), None);
    }
}
