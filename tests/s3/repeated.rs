//! What is repeated after a failure, and what is not lost by it.

use std::collections::HashMap;

use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder};
use s3_build_cache::{Digest, ErrorKind, ImportOutcome, LocalCache};

use crate::s3::blobs::{Blobs, PART, Told, config, cut, server, small_parts};
use crate::s3::builder;
use crate::s3::multipart::{count, export};
use crate::s3_server::{Config, Fault, Match, Operation, Server};

/// The bytes read before the error are in the buffer and must not be skipped.
#[test]
fn a_range_that_breaks_before_a_short_outage_is_not_downloaded_twice() {
    let (server, blobs) = (Server::start(), Blobs::of(&[4 * PART]));
    blobs.put_into(&server);
    let get = || Match::operation(Operation::GetObject).key("blobs/");
    server.fault(get().nth(2), Fault::Truncate(50_000));
    server.fault(get().nth(3).times(3), Fault::slow_down());
    let (work, told) = (tempfile::tempdir().unwrap(), Told::new());
    let opened = builder(&server, "").tuning(small_parts()).connections(1).progress(told.clone()).open().unwrap();
    let Ok(ImportOutcome::Restored(report)) = opened.import(&LocalCache::create(work.path(), "latest")) else {
        panic!("not restored")
    };
    assert_eq!(report.blobs.missing, 0);
    told.is_right(&blobs.digest(), 4 * PART as u64, 1);
}

/// The same twice: a good blob must not count as corrupt.
#[test]
fn two_short_outages_do_not_make_a_blob_corrupt() {
    let (server, blobs) = (Server::start(), Blobs::of(&[4 * PART]));
    blobs.put_into(&server);
    let get = || Match::operation(Operation::GetObject).key("blobs/");
    for first in [2, 9] {
        server.fault(get().nth(first), Fault::Truncate(50_000));
        server.fault(get().nth(first + 1).times(3), Fault::slow_down());
    }
    let work = tempfile::tempdir().unwrap();
    let opened = builder(&server, "").tuning(small_parts()).connections(1).open().unwrap();
    let outcome = opened.import(&LocalCache::create(work.path(), "latest"));
    assert!(matches!(outcome, Ok(ImportOutcome::Restored(_))), "{outcome:?}");
}

#[test]
fn an_empty_blob_under_another_digest_is_refused() {
    let server = Server::with(Config { checks_payload: false, ..config() });
    let digest = Digest::of(b"not empty");
    let created_at = "2026-01-02T03:04:05Z".parse().unwrap();
    let media_type = "application/vnd.oci.image.layer.v1.tar".to_owned();
    let mut builder = CacheConfigBuilder::new();
    let layer = builder.layer(digest, None, Annotations { media_type, diff_id: digest, size: 0, created_at });
    let record = builder.record(digest.to_string(), []);
    builder.result(record, layer, created_at);
    let blobs = Blobs { bytes: HashMap::from([(digest, Vec::new())]), config: builder.build().unwrap() };
    let error = export(&cut(&server, ""), &blobs).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(server.object(&blobs.key()).is_none());
}

#[test]
fn a_completion_refused_for_a_moment_does_not_send_the_blob_again() {
    let (server, blobs) = (server(), Blobs::of(&[4 * PART]));
    server.fault(Match::operation(Operation::CompleteMultipartUpload).times(3), Fault::slow_down());
    export(&cut(&server, ""), &blobs).unwrap();
    assert_eq!(count(&server, Operation::UploadPart), 4);
}

/// As one small blob does not: it is tried again after the others.
#[test]
fn a_part_that_keeps_failing_does_not_stop_the_other_blobs() {
    let (server, blobs) = (server(), Blobs::of(&[4 * PART, 3 * PART, 2 * PART, 100]));
    let (large, _) = blobs.bytes.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    server.fault(Match::operation(Operation::UploadPart).key(&large.to_string()).times(usize::MAX), Fault::slow_down());
    let opened = builder(&server, "").tuning(small_parts()).connections(1).open().unwrap();
    export(&opened, &blobs).map(drop).unwrap_err();
    let stored = blobs.bytes.keys().filter(|digest| server.object(&format!("blobs/{digest}")).is_some()).count();
    assert_eq!(stored, 3);
}
