//! Multipart uploads: the object is correct, or neither an object nor a part remains.

use std::sync::Arc;
use std::time::Duration;

use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder};
use s3_build_cache::object::{BytesPayload, PutMode};
use s3_build_cache::time::Timestamp;
use s3_build_cache::{Cancel, Error, ErrorKind, ExportOptions, Report, Result, S3Cache};

use crate::s3::blobs::{Blobs, PART, Told, cut, noise, server, small_parts};
use crate::s3::{CancelAt, builder};
use crate::s3_server::{At, Failure, Fault, Match, Operation, Server, Then};

pub(super) fn export(cache: &S3Cache, blobs: &Blobs) -> Result<Report> {
    cache.export_config(&blobs.config, blobs, &ExportOptions::new())
}

pub(super) fn count(server: &Server, operation: Operation) -> usize {
    server.requests().iter().filter(|request| request.operation == operation).count()
}

#[test]
fn a_large_blob_is_uploaded_in_equal_parts_and_a_small_one_whole() {
    let (server, blobs) = (server(), Blobs::of(&[5 * PART + 1, PART, 10, 0, 2 * PART]));
    let told = Told::new();
    let opened = builder(&server, "").tuning(small_parts()).progress(told.clone()).open().unwrap();
    let report = export(&opened, &blobs).unwrap();
    assert_eq!((report.blobs.transferred, report.bytes), (5, 8 * PART as u64 + 11));
    blobs.are_in(&server);
    assert!(server.uploads().is_empty());
    assert_eq!((count(&server, Operation::UploadPart), count(&server, Operation::PutObject)), (8, 4));
    assert!(server.requests().iter().all(|request| request.refused.is_none()));
    let mut sizes: Vec<u64> = (server.requests().iter())
        .filter(|request| request.operation == Operation::UploadPart)
        .map(|request| request.body_len)
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [&[1][..], &[PART as u64; 7]].concat());
    for (digest, bytes) in &blobs.bytes {
        if !bytes.is_empty() {
            told.is_right(digest, bytes.len() as u64, 1);
        }
    }
}

#[test]
fn a_multipart_upload_sends_storage_class_and_encryption() {
    let (server, blobs) = (server(), Blobs::of(&[3 * PART]));
    export(&cut(&server, ",storage_class=STANDARD_IA,server_side_encryption=AES256"), &blobs).unwrap();
    let headers = server.object_headers(&blobs.key()).unwrap();
    for (name, value) in [
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-server-side-encryption", "AES256"),
        ("content-type", "application/octet-stream"),
    ] {
        assert!(headers.iter().any(|(n, v)| n == name && v == value), "{name}: {headers:?}");
    }
}

/// Asserts that the upload is correct, the fault occurred, and nothing is left over.
#[track_caller]
fn survives(matching: Match, fault: Fault) {
    let (server, blobs) = (server(), Blobs::of(&[4 * PART + 100]));
    let case = format!("{matching:?} {fault:?}");
    server.fault(matching, fault);
    let told = Told::new();
    let opened = builder(&server, "").tuning(small_parts()).progress(told.clone()).open().unwrap();
    export(&opened, &blobs).unwrap_or_else(|error| panic!("{case}: {}", error.chain()));
    assert_eq!(server.pending_faults(), 0, "{case}");
    blobs.are_in(&server);
    told.is_right(&blobs.digest(), 4 * PART as u64 + 100, 1);
    assert!(server.requests().iter().all(|request| request.refused.is_none()), "{case}");
    // The id of an upload is unknown if the response to its creation is lost.
    let orphans = usize::from(case.contains("CreateMultipartUpload") && case.contains("Done"))
        + usize::from(case.contains("CreateMultipartUpload") && case.contains("EmptyReply"))
        + usize::from(case.contains("CreateMultipartUpload") && case.contains("ReplyAfter"));
    assert_eq!(server.uploads().len(), orphans, "{case}");
}

#[test]
fn a_multipart_upload_survives_transient_failures() {
    let lost = || Failure::new(500, "InternalError", "done, and then said to have failed");
    for operation in [Operation::CreateMultipartUpload, Operation::UploadPart, Operation::CompleteMultipartUpload] {
        for fault in [
            Fault::slow_down(),
            Fault::internal_error(),
            Fault::too_many_requests(),
            Fault::Reset(At::Head),
            Fault::Reset(At::Done),
            Fault::EmptyReply,
            Fault::CloseAfter,
            Fault::ResetNext,
            Fault::Html(503),
            Fault::ReplyAfter(lost()),
            Fault::Delay(Duration::from_millis(20)),
        ] {
            survives(Match::operation(operation), fault);
        }
    }
    for fault in [Fault::error_in_200(), Fault::Truncate(20), Fault::EmptyBody] {
        survives(Match::operation(Operation::CompleteMultipartUpload), fault);
    }
    for (nth, at) in [(1, 10), (3, 40_000), (5, 50)] {
        survives(Match::operation(Operation::UploadPart).nth(nth), Fault::Reset(At::RequestBody(at)));
    }
    survives(Match::operation(Operation::UploadPart), Fault::early_slow_down(Then::Reset));
    survives(Match::operation(Operation::UploadPart), Fault::early_slow_down(Then::Drain));
}

#[test]
fn a_completion_whose_response_is_lost_is_looked_up() {
    for fault in [
        Fault::ReplyAfter(Failure::new(500, "InternalError", "lost")),
        Fault::ReplyAfter(Failure::new(200, "InternalError", "lost")),
        Fault::Reset(At::Done),
        Fault::EmptyReply,
        Fault::Truncate(30),
        Fault::EmptyBody,
    ] {
        let (server, blobs) = (server(), Blobs::of(&[3 * PART]));
        let complete = Match::operation(Operation::CompleteMultipartUpload);
        server.fault(complete.clone(), fault.clone());
        export(&cut(&server, ""), &blobs).unwrap_or_else(|error| panic!("{fault:?}: {}", error.chain()));
        blobs.are_in(&server);
        // The second completion finds no upload; the object shows that the first one succeeded.
        assert_eq!(count(&server, Operation::CompleteMultipartUpload), 2, "{fault:?}");
        assert_eq!(count(&server, Operation::HeadObject), 1, "{fault:?}");
        assert_eq!(server.pending_faults(), 0);
    }
}

/// The old object has the same key and size as the new one.
#[test]
fn an_old_object_is_not_mistaken_for_the_new_one() {
    let (server, blobs) = (server(), Blobs::of(&[3 * PART]));
    server.put_object(&blobs.key(), &noise(77, 3 * PART));
    server.set_age(&blobs.key(), Duration::from_secs(3600));
    server.fault(Match::operation(Operation::CompleteMultipartUpload).always(), Fault::internal_error());
    let verify = ExportOptions::new().verify_existing(true);
    let error = cut(&server, "").export_config(&blobs.config, &blobs, &verify).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(server.uploads().is_empty());
    server.clear_faults();
    let report = cut(&server, "").export_config(&blobs.config, &blobs, &verify).unwrap();
    assert_eq!((report.blobs.transferred, report.blobs.present), (1, 0));
    blobs.are_in(&server);
}

#[test]
fn a_failed_upload_is_aborted_whatever_the_failure() {
    let denied = || Failure::new(403, "AccessDenied", "Access Denied");
    let storm = || Match::operation(Operation::UploadPart).nth(3).always();
    for (matching, fault, kind) in [
        (storm(), Fault::slow_down(), ErrorKind::Store),
        (storm(), Fault::Reply(denied()), ErrorKind::Access),
        (storm(), Fault::early_denied(Then::Reset), ErrorKind::Access),
        (storm(), Fault::Reset(At::RequestBody(1000)), ErrorKind::Network),
        (storm(), Fault::Header("etag", None), ErrorKind::Store),
        (Match::operation(Operation::CompleteMultipartUpload).always(), Fault::internal_error(), ErrorKind::Store),
        (Match::operation(Operation::CompleteMultipartUpload).always(), Fault::error_in_200(), ErrorKind::Store),
        (Match::operation(Operation::CompleteMultipartUpload), Fault::Reply(denied()), ErrorKind::Access),
        (
            Match::operation(Operation::CompleteMultipartUpload),
            Fault::Reply(Failure::new(400, "EntityTooSmall", "too small")),
            ErrorKind::Store,
        ),
        (
            Match::operation(Operation::CompleteMultipartUpload),
            Fault::Reply(Failure::new(400, "InvalidPart", "not found")),
            ErrorKind::Store,
        ),
    ] {
        let (server, blobs) = (server(), Blobs::of(&[6 * PART]));
        let case = format!("{matching:?} {fault:?}");
        server.fault(matching, fault);
        let error = export(&cut(&server, ""), &blobs).unwrap_err();
        assert_eq!(error.kind(), kind, "{case}: {}", error.chain());
        assert!(server.uploads().is_empty() && server.keys().is_empty(), "{case}");
        // An upload that cannot be completed is restarted in the next round.
        let begun = count(&server, Operation::CreateMultipartUpload);
        assert_eq!(count(&server, Operation::AbortMultipartUpload), begun, "{case}");
        assert!(begun == 1 || (begun == 5 && case.contains("Complete") && case.contains("InternalError")), "{case}");
    }
}

#[test]
fn an_upload_aborted_by_another_client_is_reported() {
    let (server, blobs) = (server(), Blobs::of(&[3 * PART]));
    let gone = Failure::new(404, "NoSuchUpload", "The specified upload does not exist.");
    server.fault(Match::operation(Operation::UploadPart).nth(2).always(), Fault::Reply(gone));
    let error = export(&cut(&server, ""), &blobs).unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("aborted")), "{} {:?}", error.chain(), error.hint());
    assert!(server.uploads().is_empty());
}

#[test]
fn cancellation_aborts_the_upload() {
    for at in [1, 3 * PART as u64, 6 * PART as u64] {
        for connections in [1, 16] {
            let (server, blobs) = (server(), Blobs::of(&[6 * PART, 5 * PART]));
            let cancel = Cancel::new();
            let progress = Arc::new(CancelAt(cancel.clone(), at));
            let opened = builder(&server, "").tuning(small_parts()).cancel(cancel).progress(progress);
            let error = export(&opened.connections(connections).open().unwrap(), &blobs).unwrap_err();
            assert!(matches!(error, Error::Cancelled), "{error}");
            assert!(server.uploads().is_empty() && server.object("manifests/buildkit").is_none());
            assert!(count(&server, Operation::AbortMultipartUpload) >= 1);
        }
    }
}

#[test]
fn a_failed_abort_does_not_hide_the_cause() {
    let (server, blobs) = (server(), Blobs::of(&[3 * PART]));
    server
        .fault(Match::operation(Operation::UploadPart).always(), Fault::Reply(Failure::new(403, "AccessDenied", "no")));
    server.fault(Match::operation(Operation::AbortMultipartUpload).always(), Fault::internal_error());
    let error = export(&cut(&server, ""), &blobs).unwrap_err();
    assert!(error.to_string().starts_with("UploadPart"), "{error}");
}

#[test]
fn a_store_without_multipart_receives_the_blob_in_one_request() {
    for more in ["", ",verify_source=true"] {
        let (server, blobs, told) = (server(), Blobs::of(&[50 * PART]), Told::new());
        let missing = Failure::new(501, "NotImplemented", "no such operation");
        server.fault(Match::operation(Operation::CreateMultipartUpload).always(), Fault::Reply(missing));
        let opened = builder(&server, more).tuning(small_parts()).progress(told.clone()).open().unwrap();
        export(&opened, &blobs).unwrap();
        blobs.are_in(&server);
        told.is_right(&blobs.digest(), 50 * PART as u64, 1);
        assert_eq!(count(&server, Operation::UploadPart), 0);
    }
}

#[test]
fn a_blob_larger_than_any_object_is_refused_before_anything_is_sent() {
    let server = server();
    for (size, refused) in [(5 << 40, false), ((5 << 40) + 1, true)] {
        let blobs = Blobs::of(&[10]);
        let mut builder = CacheConfigBuilder::new();
        let annotations = Annotations { size, ..blobs.config.layers()[0].annotations.clone() };
        let layer = builder.layer(blobs.digest(), None, annotations);
        let record = builder.record(blobs.digest().to_string(), []);
        builder.result(record, layer, Timestamp::ZERO);
        let before = server.requests().len();
        let error = cut(&server, "").export_config(builder.build().unwrap(), &blobs, &ExportOptions::new());
        let error = error.unwrap_err();
        assert_eq!(error.to_string().contains("an S3 object at most 5 TiB"), refused, "{}", error.chain());
        assert_eq!(server.requests().len() == before, refused);
    }
}

/// The server's ids contain `/ + = ~`, a space and an ampersand; its entity tags contain quotes.
#[test]
fn an_upload_id_with_any_characters_is_returned_unchanged() {
    let (server, blobs) = (server(), Blobs::of(&[2 * PART]));
    let opened = cut(&server, ",prefix=a b+c/");
    export(&opened, &blobs).unwrap();
    for request in server.requests().iter().filter(|request| request.query.contains("uploadId")) {
        assert!(request.query.contains("uploadId=upload-1%2F%2B%3D~%20%26"), "{}", request.query);
    }
    let store = opened.store();
    let upload = store.put_in_parts("x", 2 * PART as u64, &PutMode::Overwrite).unwrap();
    assert_eq!(server.uploads().len(), 1);
    upload.put_part(1, 0, &BytesPayload::new(noise(1, PART))).unwrap();
    drop(upload);
    assert!(server.uploads().is_empty() && server.object("x").is_none());
}
