//! Many writers of one name: no finished export loses another.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder};
use s3_build_cache::inspect::Names;
use s3_build_cache::time::Timestamp;
use s3_build_cache::{Digest, ErrorKind, ExportOptions, Report, Result, S3Cache};

use crate::s3::blobs::{Blobs, noise};
use crate::s3::builder;
use crate::s3::errors::told;
use crate::s3_server::{Conditions, Config, Failure, Fault, Match, Operation, Server};

pub(crate) const WRITERS: u32 = 10;
const MERGE: &str = ",on_conflict=merge";

/// Checks that every manifest of the cache has its blobs, by their bytes.
#[track_caller]
pub(crate) fn is_sound(cache: &S3Cache) {
    let verification = cache.verify(&Names::all(), true).unwrap();
    assert!(verification.is_clean(), "{:?}", verification.findings);
}

/// A build of two steps: one that all jobs share, and one of its own.
pub(crate) fn job(number: u32) -> Blobs {
    let mut blobs = Blobs::new(vec![noise(1, 100), noise(100 + number, 200)]);
    let [shared, own] = [noise(1, 100), noise(100 + number, 200)].map(|bytes| Digest::of(&bytes));
    let mut builder = CacheConfigBuilder::new();
    let created_at: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let annotations = |diff_id, size| Annotations {
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        diff_id,
        size,
        created_at,
    };
    let base = builder.layer(shared, None, annotations(shared, 100));
    let top = builder.layer(own, Some(base), annotations(own, 200));
    let root = builder.record(Digest::of(b"shared step").to_string(), []);
    builder.result(root, base, created_at);
    let step = builder.record(Digest::of(&number.to_le_bytes()).to_string(), [vec![(root, "")]]);
    builder.result(step, top, created_at);
    blobs.config = builder.build().unwrap();
    blobs
}

pub(crate) fn export(cache: &S3Cache, job: &Blobs) -> Result<Report> {
    cache.export_config(&job.config, job, &ExportOptions::new())
}

/// Returns the numbers of the jobs whose own step has a result in the manifest, and whose blobs are there.
pub(crate) fn found(cache: &S3Cache) -> BTreeSet<u32> {
    let config = cache.load().unwrap().unwrap_or_default();
    for (digest, _) in config.blobs() {
        assert!(cache.open_blob(&digest).unwrap().is_some(), "{digest} is missing");
    }
    let has = |number: &u32| {
        let digest = Digest::of(&number.to_le_bytes()).to_string();
        config.records().iter().any(|record| *record.digest == *digest && record.newest_result().is_some())
    };
    (0..2 * WRITERS).filter(has).collect()
}

/// Exports the caches of all jobs at once.
pub(crate) fn all_at_once(open: impl Fn() -> S3Cache + Sync) {
    thread::scope(|scope| {
        for number in 0..WRITERS {
            let open = &open;
            scope.spawn(move || export(&open(), &job(number)).unwrap());
        }
    });
}

#[test]
fn ten_exports_at_once_are_all_in_the_manifest() {
    let server = Server::start();
    all_at_once(|| builder(&server, MERGE).open().unwrap());
    assert_eq!(found(&builder(&server, "").open().unwrap()), (0..WRITERS).collect());
    // One of them again, which replaces nothing.
    let report = export(&builder(&server, MERGE).open().unwrap(), &job(3)).unwrap();
    let [merged] = &report.merged[..] else { panic!("{report:?}") };
    assert_eq!((merged.leaves, merged.kept, merged.dropped, merged.lost_blobs), (10, 9, 0, 0));
    assert_eq!(merged.name, "buildkit");
}

#[test]
fn ten_exports_at_once_into_a_directory_are_all_in_the_manifest() {
    let root = tempfile::tempdir().unwrap();
    let options = format!("type=s3,bucket=cache,endpoint_url=file://{}{MERGE}", root.path().display()).parse().unwrap();
    let open = || S3Cache::open(&options).unwrap();
    all_at_once(open);
    assert_eq!(found(&open()), (0..WRITERS).collect());
}

/// Without conditions, exports one after the other lose nothing either, and a warning says what may be lost.
#[test]
fn a_store_without_conditions_is_merged_with_a_warning() {
    for conditions in [Conditions::Refused, Conditions::Ignored] {
        let server = Server::with(Config { conditions, ..Config::default() });
        for number in 0..4 {
            export(&builder(&server, MERGE).open().unwrap(), &job(number)).unwrap();
        }
        assert_eq!(found(&builder(&server, "").open().unwrap()), (0..4).collect());
    }
}

#[test]
fn exporting_again_within_the_hour_changes_no_byte() {
    let server = Server::start();
    for number in [0, 1, 0] {
        export(&builder(&server, MERGE).open().unwrap(), &job(number)).unwrap();
    }
    let before = server.object("manifests/buildkit").unwrap();
    for number in [0, 1] {
        export(&builder(&server, MERGE).open().unwrap(), &job(number)).unwrap();
        assert!(server.object("manifests/buildkit").unwrap() == before, "{number}");
    }
}

#[test]
fn fail_refuses_a_manifest_that_another_writer_wrote_meanwhile() {
    let server = Server::start();
    let fail = || builder(&server, ",on_conflict=fail").open().unwrap();
    export(&fail(), &job(0)).unwrap();
    export(&fail(), &job(1)).unwrap();
    // The manifest changes while the blobs are sent.
    let slow = Fault::Delay(Duration::from_millis(300));
    server.fault(Match::operation(Operation::PutObject).key("blobs/"), slow);
    let error = thread::scope(|scope| {
        let export = scope.spawn(|| export(&fail(), &job(2)));
        while !server.requests().iter().any(|request| request.path.contains(&Digest::of(&noise(102, 200)).hex())) {
            thread::sleep(Duration::from_millis(5));
        }
        server.put_object("manifests/buildkit", &job(5).config.to_s3_json());
        export.join().unwrap().unwrap_err()
    });
    told(&error, ErrorKind::Conflict, &["another writer has written", "on_conflict=merge"]);
    assert!(server.object("manifests/buildkit").unwrap() == job(5).config.to_s3_json());
}

/// The answer to the write is lost, and so is that to each of its retries.
#[test]
fn a_manifest_that_was_written_without_an_answer_is_no_conflict() {
    for more in [MERGE, ",on_conflict=fail"] {
        let server = Server::start();
        export(&builder(&server, more).open().unwrap(), &job(0)).unwrap();
        let put = Match::operation(Operation::PutObject).key("manifests/").times(3);
        server.fault(put, Fault::ReplyAfter(Failure::new(500, "InternalError", "lost")));
        export(&builder(&server, more).open().unwrap(), &job(1)).unwrap();
        assert!(found(&builder(&server, "").open().unwrap()).contains(&1), "{more}");
    }
}

#[test]
fn results_of_others_whose_blobs_are_gone_are_dropped() {
    let server = Server::start();
    for number in 0..3 {
        export(&builder(&server, MERGE).open().unwrap(), &job(number)).unwrap();
    }
    assert!(server.remove(&format!("blobs/{}", Digest::of(&noise(101, 200)))));
    let report = export(&builder(&server, MERGE).open().unwrap(), &job(3)).unwrap();
    assert_eq!(report.merged[0].lost_blobs, 1);
    assert_eq!(found(&builder(&server, "").open().unwrap()), [0, 2, 3].into());
}

/// It is replaced, but not what another job has written right after it was read.
#[test]
fn a_damaged_manifest_is_replaced_by_the_first_writer_only() {
    let server = Server::start();
    export(&builder(&server, ",name=other,on_conflict=merge").open().unwrap(), &job(5)).unwrap();
    server.put_object("manifests/buildkit", b"{");
    server.fault(Match::operation(Operation::HeadObject).key("manifests/"), Fault::Delay(Duration::from_millis(300)));
    thread::scope(|scope| {
        let export = scope.spawn(|| export(&builder(&server, MERGE).open().unwrap(), &job(1)));
        while !server.requests().iter().any(|request| request.method == "HEAD" && request.path.contains("/manifests/"))
        {
            thread::sleep(Duration::from_millis(5));
        }
        server.put_object("manifests/buildkit", &server.object("manifests/other").unwrap());
        export.join().unwrap().unwrap();
    });
    assert_eq!(found(&builder(&server, "").open().unwrap()), [1, 5].into());
}

#[test]
fn a_manifest_that_cannot_be_read_is_replaced() {
    for class in ["STANDARD", "GLACIER"] {
        let server = Server::start();
        server.put_object_with("manifests/buildkit", b"{", &[("x-amz-storage-class", class)]);
        export(&builder(&server, MERGE).open().unwrap(), &job(1)).unwrap();
        assert_eq!(found(&builder(&server, "").open().unwrap()), [1].into(), "{class}");
    }
}
