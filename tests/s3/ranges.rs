//! Downloads in ranges: the bytes are the same, and no request is superfluous.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use s3_build_cache::object::BlobSource;
use s3_build_cache::{Cancel, Error, ImportOptions, ImportOutcome, LocalCache, Report, S3Cache, import_from};

use crate::s3::blobs::{Blobs, PART, Told, cut, small_parts};
use crate::s3::{CancelAt, builder, cache};
use crate::s3_server::{At, Failure, Fault, Match, Operation, Server};

fn holding(sizes: &[usize]) -> (Server, Blobs) {
    let (server, blobs) = (Server::start(), Blobs::of(sizes));
    blobs.put_into(&server);
    (server, blobs)
}

#[track_caller]
fn import(opened: &S3Cache, directory: &Path) -> Report {
    match opened.import(&LocalCache::create(directory, "latest")) {
        Ok(ImportOutcome::Restored(report)) => report,
        Ok(other) => panic!("{other:?}"),
        Err(error) => panic!("{}", error.chain()),
    }
}

#[track_caller]
fn restored(directory: &Path, blobs: &Blobs) {
    for (digest, bytes) in &blobs.bytes {
        let file = fs::read(directory.join("blobs/sha256").join(digest.hex())).unwrap();
        assert!(file == *bytes, "{digest}");
    }
    assert!(!directory.join(".s3-build-cache").exists());
}

/// Returns the requested ranges, sorted, `None` first.
fn ranges(server: &Server, key: &str) -> Vec<Option<String>> {
    let requests = server.requests();
    let of_key = requests.iter().filter(|request| request.path.contains(&key["blobs/sha256:".len()..]));
    let mut ranges: Vec<_> = of_key.map(|request| request.header("range").map(str::to_owned)).collect();
    ranges.sort_by_key(|range| {
        let start =
            range.as_ref().and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse::<u64>().ok());
        start.map_or(0, |start| start + 1)
    });
    ranges
}

#[test]
fn a_large_blob_is_downloaded_in_ranges_and_a_small_one_in_one_request() {
    let (server, blobs) = holding(&[5 * PART + 1, 2 * PART, PART, 10, 0]);
    let (work, told) = (tempfile::tempdir().unwrap(), Told::new());
    // The first ranges of a later blob are requested together, and only then is its entity tag known.
    let opened = builder(&server, "").tuning(small_parts()).connections(1).progress(told.clone());
    let report = import(&opened.open().unwrap(), work.path());
    restored(work.path(), &blobs);
    // The manifest, 6 ranges, 2 ranges, and one request for each small blob.
    assert_eq!((report.blobs.transferred, report.requests), (5, 1 + 6 + 2 + 3));
    for (digest, bytes) in &blobs.bytes {
        if !bytes.is_empty() {
            told.is_right(digest, bytes.len() as u64, 1);
        }
        let ranges = ranges(&server, &format!("blobs/{digest}"));
        assert!(bytes.len() > PART || ranges == [None], "{ranges:?}");
    }
    let conditions = server.requests().iter().filter(|request| request.header("if-match").is_some()).count();
    assert_eq!(conditions, 6);
}

#[test]
fn one_connection_suffices_and_is_reused() {
    let (server, blobs) = holding(&[20 * PART, 10 * PART]);
    let work = tempfile::tempdir().unwrap();
    import(&builder(&server, "").tuning(small_parts()).connections(1).open().unwrap(), work.path());
    restored(work.path(), &blobs);
    assert!(server.requests().iter().all(|request| request.connection == 1));
}

#[test]
fn a_lone_blob_uses_all_connections() {
    let (server, blobs) = holding(&[32 * PART]);
    server.fault(Match::operation(Operation::GetObject).always(), Fault::Delay(Duration::from_millis(50)));
    let work = tempfile::tempdir().unwrap();
    import(&builder(&server, "").tuning(small_parts()).connections(8).open().unwrap(), work.path());
    restored(work.path(), &blobs);
    let mut connections: Vec<u64> = server.requests().iter().map(|request| request.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    assert_eq!(connections.len(), 8);
}

#[test]
fn a_download_survives_transient_failures() {
    for nth in [1, 2, 4] {
        for fault in [
            Fault::slow_down(),
            Fault::internal_error(),
            Fault::Reset(At::Head),
            Fault::Reset(At::ResponseBody(10)),
            Fault::Reset(At::ResponseBody(50_000)),
            Fault::Reset(At::Answered),
            Fault::EmptyReply,
            Fault::Truncate(100),
            Fault::TruncateUnannounced(40_000),
            Fault::CloseAfter,
            Fault::ResetNext,
            Fault::Html(503),
            Fault::content_range("bytes 0-9/262144"),
            Fault::ignore_range(),
            Fault::Corrupt(100),
            Fault::other_etag(),
            Fault::Drip { bytes: 8000, every: Duration::from_millis(1) },
        ] {
            let (server, blobs) = holding(&[4 * PART]);
            let case = format!("{nth} {fault:?}");
            server.fault(Match::operation(Operation::GetObject).key("blobs/").nth(nth), fault);
            let work = tempfile::tempdir().unwrap();
            let report = import(&cut(&server, ""), work.path());
            assert_eq!(report.blobs.missing, 0, "{case}");
            assert_eq!(server.pending_faults(), 0, "{case}");
            restored(work.path(), &blobs);
            assert!(server.requests().iter().all(|request| request.refused.is_none()), "{case}");
        }
    }
}

#[test]
fn buildkit_5597_a_broken_range_resumes_at_the_break() {
    let (server, blobs) = holding(&[4 * PART]);
    server.fault(Match::operation(Operation::GetObject).key("blobs/").nth(2), Fault::Truncate(50_000));
    let work = tempfile::tempdir().unwrap();
    let told = Told::new();
    let opened = builder(&server, "").tuning(small_parts()).connections(1).progress(told.clone()).open().unwrap();
    import(&opened, work.path());
    restored(work.path(), &blobs);
    let ranges: Vec<String> = ranges(&server, &blobs.key()).into_iter().flatten().collect();
    assert_eq!(
        ranges,
        ["bytes=0-65535", "bytes=65536-131071", "bytes=115536-131071", "bytes=131072-196607", "bytes=196608-262143"]
    );
    told.is_right(&blobs.digest(), 4 * PART as u64, 1);
}

#[test]
fn a_store_that_ignores_ranges_sends_each_blob_once() {
    let (server, blobs) = holding(&[8 * PART, 7 * PART, 6 * PART]);
    server.fault(Match::operation(Operation::GetObject).key("blobs/").always(), Fault::ignore_range());
    let work = tempfile::tempdir().unwrap();
    import(&builder(&server, "").tuning(small_parts()).connections(1).open().unwrap(), work.path());
    restored(work.path(), &blobs);
    // One request detects it.
    let gets = server.requests().iter().filter(|request| request.path.contains("/blobs/")).count();
    assert_eq!(gets, 4);
}

/// Entity tags are hints: one download suffices, because the digest decides.
#[test]
fn a_weak_changing_or_missing_etag_loses_no_blob() {
    let refusal = || Fault::Reply(Failure::new(412, "PreconditionFailed", "At least one precondition did not hold"));
    let tag = |tag: Option<&str>| Fault::Header("etag", tag.map(str::to_owned));
    // Which responses, what is wrong with them, and whether a range is rejected and requested again.
    for (nth, times, fault, refused) in [
        (3, 1, Fault::other_etag(), false),
        (1, usize::MAX, tag(Some("W/\"weak\"")), false),
        (2, usize::MAX, tag(Some("W/\"weak\"")), false),
        (1, usize::MAX, tag(None), false),
        (2, usize::MAX, tag(None), false),
        (1, 1, tag(None), false),
        (1, 1, tag(Some("")), false),
        (1, 1, tag(Some("\"of the first answer only\"")), true),
        (2, 1, refusal(), true),
        (4, 1, refusal(), true),
    ] {
        // The number of ranges depends on the number of connections.
        for (connections, clean) in [(1, 4), (4, 6)] {
            let (server, blobs) = holding(&[4 * PART]);
            let case = format!("{nth} {times} {fault:?} {connections}");
            server.fault(Match::operation(Operation::GetObject).key("blobs/").nth(nth).times(times), fault.clone());
            let (work, told) = (tempfile::tempdir().unwrap(), Told::new());
            let opened = builder(&server, "").tuning(small_parts()).connections(connections).progress(told.clone());
            assert_eq!(import(&opened.open().unwrap(), work.path()).blobs.missing, 0, "{case}");
            restored(work.path(), &blobs);
            told.is_right(&blobs.digest(), 4 * PART as u64, 1);
            let asked = ranges(&server, &blobs.key()).len();
            // All requests in flight at that moment may be rejected.
            let most = clean + if refused { connections } else { 0 };
            assert!((clean + usize::from(refused)..=most).contains(&asked), "{case}: {asked}");
            let weak = server
                .requests()
                .iter()
                .any(|request| request.header("if-match").is_some_and(|tag| tag.starts_with("W/")));
            assert!(!weak, "{case}");
        }
    }
}

/// A store that rejects its own tags is no longer sent any.
#[test]
fn a_rejected_etag_is_remembered_for_the_whole_client() {
    let (server, blobs) = holding(&[4 * PART, 5 * PART, 6 * PART]);
    let refused = Failure::new(412, "PreconditionFailed", "weak");
    server.fault(Match::operation(Operation::GetObject).key("blobs/").nth(2), Fault::Reply(refused));
    let work = tempfile::tempdir().unwrap();
    let opened = builder(&server, "").tuning(small_parts()).connections(1).open().unwrap();
    assert_eq!(import(&opened, work.path()).blobs.missing, 0);
    restored(work.path(), &blobs);
    let conditions = server.requests().iter().filter(|request| request.header("if-match").is_some()).count();
    assert_eq!(conditions, 1);
}

#[test]
fn a_mixture_of_two_versions_fails_its_digest_and_is_downloaded_again() {
    let (server, blobs) = holding(&[4 * PART]);
    // The second range belongs to another object with another tag.
    let second = || Match::operation(Operation::GetObject).key("blobs/").nth(2);
    server.fault(second(), Fault::other_etag());
    server.fault(second(), Fault::Corrupt(9));
    let (work, told) = (tempfile::tempdir().unwrap(), Told::new());
    let opened = builder(&server, "").tuning(small_parts()).progress(told.clone()).open().unwrap();
    assert_eq!(import(&opened, work.path()).blobs.missing, 0);
    restored(work.path(), &blobs);
    told.is_right(&blobs.digest(), 4 * PART as u64, 2);
}

#[test]
fn an_object_that_changes_size_during_a_download_is_downloaded_again_once() {
    let (server, _) = holding(&[4 * PART]);
    // An object that never stops changing counts as missing.
    for nth in [2, 4] {
        let range = Match::operation(Operation::GetObject).key("blobs/").nth(nth);
        server.fault(range, Fault::content_range("bytes 65536-131071/262145"));
    }
    let work = tempfile::tempdir().unwrap();
    let target = LocalCache::create(work.path().join("x"), "latest");
    let strict = ImportOptions::new().strict(true);
    let opened = builder(&server, "").tuning(small_parts()).connections(1).open().unwrap();
    let error = import_from(&[opened], &target, &strict).outcome.unwrap_err();
    assert!(error.to_string().contains("changed while it was read"), "{}", error.chain());
    assert!(!target.dir().exists());
    assert_eq!((server.requests().len(), server.pending_faults()), (1 + 4, 0));
}

#[test]
fn a_blob_with_a_corrupt_range_is_downloaded_once_more_at_most() {
    for nth in 1..=5 {
        let (server, blobs) = holding(&[4 * PART]);
        let range = |nth| Match::operation(Operation::GetObject).key("blobs/").nth(nth);
        server.fault(range(nth).times(1), Fault::Corrupt(7));
        server.fault(range(nth + 5).times(1), Fault::Corrupt(7));
        let work = tempfile::tempdir().unwrap();
        let target = LocalCache::create(work.path().join("x"), "latest");
        let strict = ImportOptions::new().strict(true);
        let opened = builder(&server, "").tuning(small_parts()).connections(2).open().unwrap();
        let error = import_from(&[opened], &target, &strict).outcome.unwrap_err();
        assert!(error.to_string().contains("does not match its digest"), "{}", error.chain());
        assert!(!target.dir().exists());
        // The first of every five ranges is half as long.
        assert_eq!(ranges(&server, &blobs.key()).len(), 10);
    }
}

#[test]
fn a_blob_deleted_during_its_download_costs_only_its_dependents() {
    let (server, blobs) = holding(&[4 * PART, 10]);
    let gone = Failure::new(404, "NoSuchKey", "The specified key does not exist.");
    let large = blobs.bytes.iter().find(|(_, bytes)| bytes.len() > PART).unwrap().0;
    let ranges = Match::operation(Operation::GetObject).key(&large.hex()).nth(3).always();
    server.fault(ranges, Fault::Reply(gone));
    let work = tempfile::tempdir().unwrap();
    let report = import(&cut(&server, ""), work.path());
    assert_eq!((report.blobs.missing, report.blobs.transferred, report.layers), (1, 1, 1));
    assert!(!work.path().join(".s3-build-cache").exists());
}

#[test]
fn the_rest_of_a_blob_comes_from_another_source() {
    let ((one, blobs), two) = (holding(&[4 * PART, 3 * PART]), Server::start());
    blobs.put_into(&two);
    one.fault(Match::operation(Operation::GetObject).key("blobs/").nth(3).always(), Fault::Reset(At::Head));
    let work = tempfile::tempdir().unwrap();
    let target = LocalCache::create(work.path(), "latest");
    let sources = [cut(&one, ""), cut(&two, "")];
    import_from(&sources, &target, &ImportOptions::new().strict(true)).outcome.unwrap();
    restored(work.path(), &blobs);
}

#[test]
fn cancellation_removes_temporary_files() {
    for connections in [1, 16] {
        let (server, _) = holding(&[8 * PART, 7 * PART]);
        let (cancel, work) = (Cancel::new(), tempfile::tempdir().unwrap());
        let progress = Arc::new(CancelAt(cancel.clone(), 3 * PART as u64));
        let opened = builder(&server, "").tuning(small_parts()).cancel(cancel).progress(progress);
        let target = LocalCache::create(work.path().join("x"), "latest");
        let error = opened.connections(connections).open().unwrap().import(&target).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        assert!(!target.dir().exists());
    }
}

/// Readers share only the connections.
#[test]
fn buildkit_6675_shared_reader() {
    let (server, blobs) = holding(&[5 * PART + 3]);
    for nth in [3, 5, 9] {
        server.fault(Match::operation(Operation::GetObject).key("blobs/").nth(nth), Fault::Truncate(70_000));
    }
    let (opened, digest) = (cache(&server, ""), blobs.digest());
    std::thread::scope(|scope| {
        for reader in 1..=8 {
            let (opened, expected) = (&opened, &blobs.bytes[&digest]);
            scope.spawn(move || {
                let mut blob = opened.open_blob(&digest).unwrap().unwrap();
                let mut bytes = Vec::new();
                let mut buffer = vec![0; 1000 * reader];
                loop {
                    match blob.read(&mut buffer).unwrap() {
                        0 => break,
                        read => bytes.extend_from_slice(&buffer[..read]),
                    }
                }
                assert!(bytes == *expected);
            });
        }
    });
    let local = tempfile::tempdir().unwrap();
    import(&cut(&server, ""), local.path());
    // Readers of a local blob start at an offset.
    let source = LocalCache::open(local.path(), "latest").unwrap();
    for offset in [0, 1, 5 * PART + 3, 5 * PART + 4] {
        for mut reader in
            [source.open_blob_at(&digest, offset as u64).unwrap(), blobs.open_blob_at(&digest, offset as u64).unwrap()]
        {
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest).unwrap();
            assert!(rest == blobs.bytes[&digest].get(offset..).unwrap_or_default());
        }
    }
}

/// Ranges that are rejected or wrong, although the whole object is available.
#[test]
fn a_blob_whose_ranges_fail_is_downloaded_whole() {
    let of_blobs = || Match::operation(Operation::GetObject).key("blobs/");
    let refused = |status, code: &str| Fault::Reply(Failure::new(status, code, "no"));
    let range = |value: Option<&str>| Fault::Header("content-range", value.map(str::to_owned));
    for (nth, times, fault) in [
        // All ranges except the first few; then the whole object is downloaded.
        (2, 1, refused(416, "InvalidRange")),
        (2, 2, refused(416, "InvalidRange")),
        (1, 1, refused(416, "InvalidRange")),
        (1, 1, refused(501, "NotImplemented")),
        (1, 1, refused(400, "InvalidArgument")),
        (2, 2, refused(400, "InvalidArgument")),
        (1, usize::MAX, range(None)),
        (1, usize::MAX, range(Some("bytes 5-9/262144"))),
        (2, usize::MAX, range(None)),
    ] {
        let (server, blobs) = holding(&[4 * PART]);
        let case = format!("{nth} {times} {fault:?}");
        server.fault(of_blobs().nth(nth).times(times), fault);
        let (work, told) = (tempfile::tempdir().unwrap(), Told::new());
        let opened = builder(&server, "").tuning(small_parts()).connections(1).progress(told.clone());
        let strict = ImportOptions::new().strict(true);
        let target = LocalCache::create(work.path(), "latest");
        import_from(&[opened.open().unwrap()], &target, &strict)
            .outcome
            .unwrap_or_else(|error| panic!("{case}: {}", error.chain()));
        restored(work.path(), &blobs);
        assert!(ranges(&server, &blobs.key()).len() <= 10, "{case}: {:?}", ranges(&server, &blobs.key()));
    }
}

/// After one blob had to be downloaded whole, the others are not requested in ranges.
#[test]
fn a_store_that_rejects_ranges_is_asked_for_only_one() {
    let (server, blobs) = holding(&[8 * PART, 7 * PART, 6 * PART]);
    let first = Match::operation(Operation::GetObject).key("blobs/");
    server.fault(first, Fault::Reply(Failure::new(501, "NotImplemented", "no ranges")));
    let work = tempfile::tempdir().unwrap();
    import(&builder(&server, "").tuning(small_parts()).connections(1).open().unwrap(), work.path());
    restored(work.path(), &blobs);
    let requests = server.requests();
    assert_eq!(requests.iter().filter(|request| request.header("range").is_some()).count(), 1);
    assert_eq!(requests.iter().filter(|request| request.path.contains("/blobs/")).count(), 4);
}

/// RFC 9110 allows a server to omit the size from `Content-Range`.
#[test]
fn a_range_of_an_object_of_unknown_size_can_be_read() {
    let (server, blobs) = holding(&[2 * PART]);
    for (nth, value) in [(1, "bytes 0-65535/*"), (2, "bytes 65536-131071/*")] {
        let matching = Match::operation(Operation::GetObject).key("blobs/").nth(nth);
        server.fault(matching, Fault::content_range(value));
    }
    let work = tempfile::tempdir().unwrap();
    import(&builder(&server, "").tuning(small_parts()).connections(1).open().unwrap(), work.path());
    restored(work.path(), &blobs);
    assert_eq!(server.requests().iter().filter(|request| request.operation == Operation::GetObject).count(), 3);
}

/// Some stores and proxies do not support `If-Match` on GET.
#[test]
fn a_rejected_condition_is_omitted() {
    for (status, code) in [(501, "NotImplemented"), (400, "InvalidArgument"), (304, ""), (412, "PreconditionFailed")] {
        let (server, blobs) = holding(&[4 * PART]);
        let second = Match::operation(Operation::GetObject).key("blobs/").nth(2);
        server.fault(second, Fault::Reply(Failure::new(status, code, "no conditions")));
        let work = tempfile::tempdir().unwrap();
        import(&builder(&server, "").tuning(small_parts()).connections(1).open().unwrap(), work.path());
        restored(work.path(), &blobs);
        let requests = server.requests();
        assert_eq!(requests.iter().filter(|request| request.header("if-match").is_some()).count(), 1, "{status}");
        assert_eq!(requests.iter().filter(|request| request.header("range").is_some()).count(), 5, "{status}");
    }
}
