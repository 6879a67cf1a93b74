//! Touching large objects: copies in parts, and uploads where the store cannot copy.

use std::time::Duration;

use s3_build_cache::ErrorKind;
use s3_build_cache::object::ObjectMeta;
use s3_build_cache::program::Tuning;

use crate::s3::blobs::{Blobs, PART, config, server, small_parts};
use crate::s3::builder;
use crate::s3::multipart::{count, export};
use crate::s3_server::{At, Config, Failure, Fault, Match, Operation, Server};

/// Objects above the copy limit, with limits at and next to multiples of the part size.
#[test]
fn buildkit_5266_an_object_too_large_for_one_copy_is_touched_in_parts() {
    for size in [PART + 1, 2 * PART - 1, 2 * PART, 2 * PART + 1, 3 * PART, 3 * PART + 1] {
        let max_copy = PART as u64;
        let (server, blobs) = (Server::with(Config { max_copy, ..config() }), Blobs::of(&[size]));
        blobs.put_into(&server);
        server.set_age(&blobs.key(), Duration::from_secs(48 * 3600));
        let opened = builder(&server, ",storage_class=STANDARD_IA").tuning(Tuning { max_copy, ..small_parts() });
        let report = export(&opened.open().unwrap(), &blobs).unwrap();
        assert_eq!((report.blobs.touched, report.blobs.transferred), (1, 0), "{size}");
        blobs.are_in(&server);
        assert!(server.age(&blobs.key()).unwrap() < Duration::from_secs(60));
        assert_eq!(count(&server, Operation::UploadPartCopy), size.div_ceil(PART), "{size}");
        assert_eq!((count(&server, Operation::CopyObject), server.uploads().len()), (0, 0), "{size}");
        let headers = server.object_headers(&blobs.key()).unwrap();
        assert!(headers.contains(&("x-amz-storage-class".to_owned(), "STANDARD_IA".to_owned())), "{headers:?}");
        assert!(server.requests().iter().all(|request| request.refused.is_none()));
    }
    // Exactly at the limit, one copy suffices.
    let (server, blobs) = (Server::with(Config { max_copy: PART as u64, ..config() }), Blobs::of(&[PART]));
    blobs.put_into(&server);
    server.set_age(&blobs.key(), Duration::from_secs(48 * 3600));
    let tuning = Tuning { max_copy: PART as u64, ..small_parts() };
    assert_eq!(export(&builder(&server, "").tuning(tuning).open().unwrap(), &blobs).unwrap().blobs.touched, 1);
    assert_eq!(count(&server, Operation::CopyObject), 1);
}

#[test]
fn part_copies_survive_transient_failures_and_are_aborted_on_permanent_ones() {
    let tuning = Tuning { max_copy: PART as u64, ..small_parts() };
    for (fault, times, touched) in [
        (Fault::slow_down(), 1, 1),
        (Fault::error_in_200(), 1, 1),
        (Fault::EmptyBody, 1, 1),
        (Fault::Reset(At::Done), 1, 1),
        (Fault::error_in_200(), usize::MAX, 0),
        (Fault::Reply(Failure::new(403, "AccessDenied", "no")), usize::MAX, 0),
    ] {
        let (server, blobs) = (Server::with(Config { max_copy: PART as u64, ..config() }), Blobs::of(&[3 * PART]));
        blobs.put_into(&server);
        server.set_age(&blobs.key(), Duration::from_secs(48 * 3600));
        server.fault(Match::operation(Operation::UploadPartCopy).nth(2).times(times), fault);
        // A rejected touch is a warning.
        let report = export(&builder(&server, "").tuning(tuning).open().unwrap(), &blobs).unwrap();
        assert_eq!(report.blobs.touched, touched);
        blobs.are_in(&server);
        assert!(server.uploads().is_empty());
    }
}

#[test]
fn a_blob_is_copied_whole_or_uploaded_again_if_the_store_cannot_copy_parts() {
    let tuning = Tuning { max_copy: PART as u64, ..small_parts() };
    // Like Google: no part copies, and no limit for a copy.
    for (max_copy, touched) in [(5 << 30, 2), (PART as u64, 0)] {
        let server = Server::with(Config { copies_parts: false, max_copy, ..config() });
        let blobs = Blobs::of(&[3 * PART, 4 * PART]);
        blobs.put_into(&server);
        for key in server.keys() {
            server.set_age(&key, Duration::from_secs(48 * 3600));
        }
        let opened = builder(&server, "").tuning(tuning).connections(1).open().unwrap();
        let report = export(&opened, &blobs).unwrap();
        assert_eq!((report.blobs.touched, report.blobs.transferred), (touched, 2 - touched));
        blobs.are_in(&server);
        assert!(server.uploads().is_empty());
        // The store is asked only once.
        assert_eq!(count(&server, Operation::UploadPartCopy), 1);
        for key in blobs.bytes.keys() {
            assert!(server.age(&format!("blobs/{key}")).unwrap() < Duration::from_secs(60));
        }
    }
}

/// Swift cannot copy every range of an object that was itself written in parts.
#[test]
fn a_source_that_cannot_be_copied_in_parts_is_uploaded_again() {
    let (server, blobs) = (Server::with(Config { max_copy: PART as u64, ..config() }), Blobs::of(&[3 * PART]));
    blobs.put_into(&server);
    server.set_age(&blobs.key(), Duration::from_secs(48 * 3600));
    let refusal =
        Failure::new(400, "InvalidRequest", "Cannot specify both Range header and partNumber query parameter");
    server.fault(Match::operation(Operation::UploadPartCopy).always(), Fault::Reply(refusal));
    let tuning = Tuning { max_copy: PART as u64, ..small_parts() };
    let report = export(&builder(&server, "").tuning(tuning).open().unwrap(), &blobs).unwrap();
    assert_eq!((report.blobs.touched, report.blobs.transferred), (0, 1));
    blobs.are_in(&server);
    assert!(server.age(&blobs.key()).unwrap() < Duration::from_secs(60) && server.uploads().is_empty());
}

#[test]
fn touching_a_deleted_object_uploads_it() {
    let (server, blobs) = (server(), Blobs::of(&[2 * PART]));
    let tuning = Tuning { max_copy: PART as u64, ..small_parts() };
    let opened = builder(&server, "").tuning(tuning).open().unwrap();
    let meta = ObjectMeta::new(2 * PART as u64);
    assert_eq!(opened.store().touch(&blobs.key(), &meta).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(server.uploads().is_empty());
}
