//! Stores that fail a fraction of all requests, one kind of request for a long time, or every request.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use s3_build_cache::report::Imported;
use s3_build_cache::time::Clock;
use s3_build_cache::{Cancel, ErrorKind, ExportOptions, S3CacheBuilder};

use crate::s3::blobs::{Blobs, PART, cut, small_parts};
use crate::s3::merge::{export, job};
use crate::s3::resilience::{DAY, Warnings, holding, import, refusal};
use crate::s3::{builder, cache};
use crate::s3_server::{At, Conditions, Config, Fault, Match, Operation, Server};

/// Blobs of a few bytes each.
fn many() -> Blobs {
    Blobs::of(&(1..=400).collect::<Vec<_>>())
}

/// Does not wait, and returns the real time, so pauses of several threads do not add up.
struct Hurried;

impl Clock for Hurried {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
    }

    fn sleep(&self, _: Duration, _: &Cancel) {}
}

fn hurried(server: &Server, more: &str) -> S3CacheBuilder {
    builder(server, more).clock(Arc::new(Hurried))
}

/// Fails a fraction of the requests, with one attempt for each, and with so many failures that the retry tokens run
/// out.
const STORMS: [(usize, &str); 3] = [(5, ""), (5, ",retry_max_attempts=1"), (3, "")];

fn storms() -> impl Iterator<Item = (usize, &'static str, Fault)> {
    STORMS.into_iter().flat_map(|(one_in, more)| {
        [Fault::slow_down(), Fault::internal_error(), Fault::Html(503)].map(|fault| (one_in, more, fault))
    })
}

#[test]
fn an_import_survives_transient_failures_of_many_requests() {
    let blobs = many();
    for (one_in, more, fault) in storms() {
        let server = holding(&blobs);
        server.fault(Match::any().one_in(one_in), fault.clone());
        let work = tempfile::tempdir().unwrap();
        let Imported { report, outcome, .. } = import(&[hurried(&server, more).open().unwrap()], work.path(), true);
        assert!(outcome.is_ok(), "{one_in} {more} {fault:?}: {outcome:?}");
        assert_eq!((report.blobs.transferred, report.layers), (400, 400));
    }
}

#[test]
fn an_export_survives_transient_failures_of_many_requests() {
    let blobs = many();
    for (one_in, more, fault) in storms() {
        // Half of the blobs exist, a quarter need a touch. In the second case, most are looked up one by one.
        for page_size in [1000, 5] {
            let server = Server::with(Config { page_size, ..Config::default() });
            for (at, (digest, bytes)) in blobs.bytes.iter().enumerate().filter(|(at, _)| at % 2 == 0) {
                server.put_object(&format!("blobs/{digest}"), bytes);
                server.set_age(&format!("blobs/{digest}"), if at % 4 == 0 { 2 * DAY } else { Duration::ZERO });
            }
            server.fault(Match::any().one_in(one_in), fault.clone());
            let case = format!("{one_in} {more} {fault:?} {page_size}");
            let report = (hurried(&server, more).open().unwrap())
                .export_config(&blobs.config, &blobs, &ExportOptions::new())
                .unwrap_or_else(|error| panic!("{case}: {}", error.chain()));
            assert_eq!(
                (report.blobs.transferred, report.blobs.present, report.blobs.touched),
                (200, 200, 100),
                "{case}"
            );
            blobs.are_in(&server);
            assert_eq!(server.object("manifests/buildkit").unwrap(), blobs.config.to_s3_json());
        }
    }
}

#[test]
fn large_blobs_survive_transient_failures_of_many_requests() {
    let blobs = Blobs::of(&[60 * PART, 40 * PART, 10]);
    for (one_in, more, fault) in storms().filter(|(_, more, _)| more.is_empty()) {
        let server = Server::with(Config { min_part: PART as u64, ..Config::default() });
        server.fault(Match::any().one_in(one_in), fault.clone());
        let opened = hurried(&server, more).tuning(small_parts()).open().unwrap();
        let report = opened.export_config(&blobs.config, &blobs, &ExportOptions::new());
        let report = report.unwrap_or_else(|error| panic!("{one_in} {more} {fault:?}: {}", error.chain()));
        assert_eq!(report.blobs.transferred, 3);
        blobs.are_in(&server);
        let work = tempfile::tempdir().unwrap();
        let Imported { outcome, .. } = import(&[opened], work.path(), true);
        assert!(outcome.is_ok(), "{one_in} {more} {fault:?}: {outcome:?}");
    }
}

/// Each kind of request of an export fails for longer than the client retries.
#[test]
fn an_export_survives_repeated_failures_of_any_single_request() {
    let blobs = Blobs::of(&[10, 20, 30, 40, 50, 2 * PART, 3 * PART]);
    let old = Blobs::of(&[10, 20]);
    for operation in [
        Operation::ListObjectsV2,
        Operation::HeadObject,
        Operation::PutObject,
        Operation::CopyObject,
        Operation::CreateMultipartUpload,
        Operation::UploadPart,
        Operation::CompleteMultipartUpload,
    ] {
        for fault in [Fault::slow_down(), Fault::internal_error(), Fault::Reset(At::Head), Fault::EmptyReply] {
            // The listing is not repeated; each blob is looked up instead.
            let times = if operation == Operation::ListObjectsV2 { 3 } else { 5 };
            let server = Server::with(Config { min_part: PART as u64, page_size: 1, ..Config::default() });
            for (digest, bytes) in &old.bytes {
                server.put_object(&format!("blobs/{digest}"), bytes);
                server.set_age(&format!("blobs/{digest}"), 2 * DAY);
            }
            server.fault(Match::operation(operation).times(times), fault.clone());
            let case = format!("{operation:?} {fault:?}");
            let report = cut(&server, "")
                .export_config(&blobs.config, &blobs, &ExportOptions::new())
                .unwrap_or_else(|error| panic!("{case}: {}", error.chain()));
            assert_eq!((report.blobs.transferred, report.blobs.touched), (5, 2), "{case}");
            assert_eq!(server.pending_faults(), 0, "{case}");
            blobs.are_in(&server);
        }
    }
}

/// A store that is down is not sent a request for every blob in every round.
#[test]
fn a_store_that_fails_every_request_is_abandoned_quickly() {
    let blobs = many();
    for (operation, fault, kind) in [
        (Operation::PutObject, Fault::internal_error(), ErrorKind::Store),
        (Operation::PutObject, Fault::Reset(At::Head), ErrorKind::Network),
        (Operation::HeadObject, Fault::Reset(At::Head), ErrorKind::Network),
    ] {
        let server = Server::with(Config { page_size: 1, ..Config::default() });
        let others = ["blobs/a", "blobs/b"];
        others.iter().for_each(|key| server.put_object(key, b""));
        server.fault(Match::operation(operation).always(), fault);
        if operation == Operation::HeadObject {
            // Otherwise a page of the listing shows every blob.
            server.fault(Match::operation(Operation::ListObjectsV2).always(), Fault::internal_error());
        }
        let opened = cache(&server, "");
        let exported = opened.export_from(&blobs.config, &blobs, &ExportOptions::new());
        assert_eq!(exported.outcome.unwrap_err().kind(), kind, "{operation:?}");
        let asked = server.requests().iter().filter(|request| request.operation == operation).count();
        assert!((5..200).contains(&asked), "{operation:?}: {asked}");
        assert_eq!(server.keys(), others);
    }
}

#[test]
fn persistently_failing_touches_cause_one_warning() {
    let blobs = Blobs::of(&(1..=100).collect::<Vec<_>>());
    for fault in [Fault::internal_error(), refusal(403, "AccessDenied"), refusal(501, "NotImplemented")] {
        let server = holding(&blobs);
        for digest in blobs.bytes.keys() {
            server.set_age(&format!("blobs/{digest}"), 2 * DAY);
        }
        server.fault(Match::operation(Operation::CopyObject).always(), fault.clone());
        let warnings = Arc::new(Warnings::default());
        let opened = builder(&server, "").progress(warnings.clone()).open().unwrap();
        let report = opened.export_config(&blobs.config, &blobs, &ExportOptions::new()).unwrap();
        assert_eq!((report.blobs.touched, report.blobs.present), (0, 100), "{fault:?}");
        assert_eq!(warnings.0.lock().unwrap().len(), 1, "{fault:?}");
        assert!(server.requests().len() < 100, "{fault:?}: {}", server.requests().len());
    }
}

/// Sleeps take no time. The server recovers after this much sleep.
struct Outage {
    server: Arc<Server>,
    left: Mutex<Duration>,
}

impl Clock for Outage {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
    }

    fn sleep(&self, duration: Duration, _: &Cancel) {
        let mut left = self.left.lock().unwrap();
        *left = left.saturating_sub(duration);
        if left.is_zero() {
            self.server.clear_faults();
        }
    }
}

#[test]
fn an_export_survives_a_twenty_second_outage() {
    let blobs = many();
    for fault in [Fault::internal_error(), Fault::Html(503), Fault::Reset(At::Head), Fault::EmptyReply] {
        let server = Arc::new(Server::start());
        server.fault(Match::operation(Operation::PutObject).nth(50).always(), fault.clone());
        let clock = Outage { server: server.clone(), left: Mutex::new(Duration::from_secs(20)) };
        // With one connection, no two threads sleep at the same time.
        let opened = builder(&server, "").connections(1).clock(Arc::new(clock)).open().unwrap();
        let report = opened.export_config(&blobs.config, &blobs, &ExportOptions::new());
        let report = report.unwrap_or_else(|error| panic!("{fault:?}: {}", error.chain()));
        assert_eq!(report.blobs.transferred, 400, "{fault:?}");
        blobs.are_in(&server);
    }
}

#[test]
fn bytes_damaged_in_transit_are_sent_again() {
    let blobs = Blobs::of(&[10, 20, 3 * PART]);
    let damaged = || refusal(400, "BadDigest");
    for matching in [
        Match::operation(Operation::PutObject).key("blobs/"),
        Match::operation(Operation::PutObject).key("manifests/"),
        Match::operation(Operation::UploadPart),
    ] {
        let server = Server::with(Config { min_part: PART as u64, ..Config::default() });
        server.fault(matching.clone(), damaged());
        let export = || cut(&server, "").export_config(&blobs.config, &blobs, &ExportOptions::new());
        export().unwrap_or_else(|error| panic!("{matching:?}: {}", error.chain()));
        blobs.are_in(&server);

        let server = Server::with(Config { min_part: PART as u64, ..Config::default() });
        server.fault(matching.clone().always(), damaged());
        let export = || cut(&server, "").export_config(&blobs.config, &blobs, &ExportOptions::new());
        assert_eq!(export().unwrap_err().kind(), ErrorKind::Integrity, "{matching:?}");
    }
}

/// By then, all blobs are sent. A merge without conditions looks at the manifest before and after it is written.
#[test]
fn an_export_survives_failures_of_each_request_for_its_manifest() {
    for (exists, first) in [false, true].into_iter().flat_map(|exists| (1..=4).map(move |first| (exists, first))) {
        let server = Server::with(Config { conditions: Conditions::Ignored, ..Config::default() });
        if exists {
            export(&cache(&server, ",on_conflict=merge"), &job(1)).unwrap();
        }
        server.fault(Match::any().key("manifests/").nth(first).times(7), Fault::slow_down());
        let report = export(&cache(&server, ",on_conflict=merge"), &job(2)).unwrap();
        let leaves = 1 + usize::from(exists);
        assert_eq!((report.merged[0].leaves, server.pending_faults()), (leaves, 0), "{exists} {first}");
    }
}
