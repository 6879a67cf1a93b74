//! Failures of single blobs or names that do not fail an import.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder};
use s3_build_cache::progress::{Event, Progress};
use s3_build_cache::report::Imported;
use s3_build_cache::time::Timestamp;
use s3_build_cache::{CacheConfig, Digest, ErrorKind, ImportOptions, ImportOutcome, LocalCache, S3Cache, import_from};

use crate::s3::blobs::{Blobs, PART, cut, noise};
use crate::s3::{builder, cache};
use crate::s3_server::{At, Config, Failure, Fault, Match, Operation, Server};

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn holding(blobs: &Blobs) -> Server {
    let server = Server::with(Config { min_part: PART as u64, ..Config::default() });
    blobs.put_into(&server);
    server
}

pub(super) fn refusal(status: u16, code: &str) -> Fault {
    Fault::Reply(Failure::new(status, code, "it is so"))
}

fn get(part: &str) -> Match {
    Match::operation(Operation::GetObject).key(part)
}

pub(super) fn import(sources: &[S3Cache], directory: &Path, strict: bool) -> Imported {
    import_from(sources, &LocalCache::create(directory, "latest"), &ImportOptions::new().strict(strict))
}

/// Every kind of failure of one blob.
fn single_failures() -> Vec<Fault> {
    vec![
        refusal(403, "AccessDenied"),
        refusal(400, "InvalidRequest"),
        refusal(404, "NoSuchKey"),
        refusal(501, "NotImplemented"),
        refusal(403, "InvalidObjectState"),
        Fault::internal_error(),
        Fault::slow_down(),
        Fault::Html(502),
        Fault::Html(403),
        Fault::Reset(At::Head),
        Fault::Reset(At::ResponseBody(10)),
        Fault::EmptyReply,
        Fault::Truncate(10),
        Fault::TruncateUnannounced(10),
        Fault::Corrupt(5),
        Fault::EmptyBody,
        Fault::content_range("bytes 0-9/10"),
    ]
}

#[test]
fn an_unavailable_blob_costs_only_its_dependents() {
    for fault in single_failures() {
        for size in [500, 3 * PART] {
            // `Content-Range` is ignored if no range was requested.
            if size == 500 && format!("{fault:?}").contains("content-range") {
                continue;
            }
            let blobs = Blobs::of(&[300, 200, size]);
            let (large, _) = blobs.bytes.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
            let server = holding(&blobs);
            server.fault(get(&large.hex()).always(), fault.clone());
            let (case, work) = (format!("{fault:?} {size}"), tempfile::tempdir().unwrap());
            let Imported { report, outcome, .. } = import(&[cut(&server, "")], work.path(), false);
            assert!(matches!(outcome, Ok(ImportOutcome::Restored(_))), "{case}: {outcome:?}");
            assert_eq!((report.blobs.transferred, report.blobs.missing, report.layers), (2, 1, 2), "{case}");
            assert!(!work.path().join(".s3-build-cache").exists(), "{case}");

            let work = tempfile::tempdir().unwrap();
            let Imported { report, outcome, .. } = import(&[cut(&server, "")], work.path(), true);
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Integrity, "{case}: {}", error.chain());
            assert!(error.to_string().contains(&format!("s3://cache/blobs/{large}")), "{case}: {error}");
            assert_eq!((report.blobs.transferred, report.requests > 0), (2, true), "{case}");
            assert!(!work.path().join("index.json").exists(), "{case}");
        }
    }
}

/// An archived object counts as absent, but is not reported as deleted.
#[test]
fn archived_objects_are_reported_as_archived() {
    let archived = ("x-amz-storage-class", "GLACIER");
    for size in [500, 3 * PART] {
        let blobs = Blobs::of(&[300, 200, size]);
        let (large, bytes) = blobs.bytes.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
        let server = holding(&blobs);
        server.put_object_with(&format!("blobs/{large}"), bytes, &[archived]);
        let work = tempfile::tempdir().unwrap();
        let Imported { outcome, .. } = import(&[cut(&server, "")], work.path(), true);
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{}", error.chain());
        assert!(error.chain().contains("is archived") && !error.chain().contains("is gone"), "{}", error.chain());
    }
    let server = holding(&Blobs::of(&[300]));
    let manifest = server.object("manifests/buildkit").unwrap();
    server.put_object_with("manifests/buildkit", &manifest, &[archived]);
    let work = tempfile::tempdir().unwrap();
    let Imported { outcome, .. } = import(&[cut(&server, "")], work.path(), false);
    assert!(matches!(outcome, Ok(ImportOutcome::Miss)), "{outcome:?}");
}

#[test]
fn a_blob_that_is_corrupt_once_is_downloaded_again() {
    let mut faults = single_failures();
    // These two are final: the object does not exist.
    faults.retain(|fault| !["NoSuchKey", "InvalidObjectState"].iter().any(|code| format!("{fault:?}").contains(code)));
    faults.push(Fault::Header("content-length", Some("3".to_owned())));
    for fault in faults {
        for size in [500, 3 * PART] {
            let blobs = Blobs::of(&[300, 200, size]);
            let (large, _) = blobs.bytes.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
            let server = holding(&blobs);
            server.fault(get(&large.hex()), fault.clone());
            let (case, work) = (format!("{fault:?} {size}"), tempfile::tempdir().unwrap());
            let Imported { report, outcome, .. } = import(&[cut(&server, "")], work.path(), true);
            assert!(matches!(outcome, Ok(ImportOutcome::Restored(_))), "{case}: {outcome:?}");
            assert_eq!((report.blobs.transferred, report.blobs.missing), (3, 0), "{case}");
        }
    }
}

#[test]
fn an_import_whose_blobs_all_fail_reports_their_error() {
    for (fault, kind) in [
        (refusal(403, "AccessDenied"), ErrorKind::Access),
        (refusal(400, "ExpiredToken"), ErrorKind::Access),
        (Fault::internal_error(), ErrorKind::Store),
        (Fault::Reset(At::Head), ErrorKind::Network),
    ] {
        for count in [1, 3, 40] {
            for strict in [false, true] {
                let blobs = Blobs::of(&(1..=count).collect::<Vec<_>>());
                let server = holding(&blobs);
                server.fault(get("blobs/").always(), fault.clone());
                let (case, work) = (format!("{fault:?} {count} {strict}"), tempfile::tempdir().unwrap());
                let Imported { report, outcome, .. } = import(&[cache(&server, "")], &work.path().join("x"), strict);
                assert_eq!(outcome.unwrap_err().kind(), kind, "{case}");
                assert_eq!((report.blobs.total, report.blobs.transferred), (count, 0), "{case}");
                assert!(!work.path().join("x").exists(), "{case}");
            }
        }
    }
}

/// Some blobs arrived before: the failure does not concern single blobs.
#[test]
fn a_store_that_goes_down_midway_fails_the_import() {
    for (fault, kind) in [
        (refusal(403, "AccessDenied"), ErrorKind::Access),
        (Fault::internal_error(), ErrorKind::Store),
        (Fault::Reset(At::Head), ErrorKind::Network),
    ] {
        for count in [5, 60] {
            let blobs = Blobs::of(&(1..=count).collect::<Vec<_>>());
            let server = holding(&blobs);
            server.fault(Match::any().nth(4).always(), fault.clone());
            let work = tempfile::tempdir().unwrap();
            let opened = builder(&server, "").connections(2).open().unwrap();
            let Imported { report, outcome, .. } = import(&[opened], &work.path().join("x"), false);
            assert_eq!(outcome.unwrap_err().kind(), kind, "{fault:?} {count}");
            assert_eq!(report.blobs.transferred, 2, "{fault:?} {count}");
            // Far fewer than trying every blob in every round would take.
            assert!(report.requests < 250, "{fault:?} {count}: {}", report.requests);
            assert!(!work.path().join("x/index.json").exists());
        }
    }
}

#[test]
fn a_blob_refused_by_one_source_comes_from_another() {
    for fault in single_failures() {
        for size in [500, 3 * PART] {
            let blobs = Blobs::of(&[300, size]);
            let (one, two) = (holding(&blobs), holding(&blobs));
            one.fault(get("blobs/").always(), fault.clone());
            let work = tempfile::tempdir().unwrap();
            let Imported { report, outcome, .. } = import(&[cut(&one, ""), cut(&two, "")], work.path(), true);
            assert!(outcome.is_ok(), "{fault:?} {size}: {outcome:?}");
            assert_eq!((report.blobs.transferred, report.blobs.missing), (2, 0), "{fault:?} {size}");
        }
    }
}

/// Records the warnings.
#[derive(Default)]
pub(super) struct Warnings(pub(super) Mutex<Vec<String>>);

impl Progress for Warnings {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning(text) = event {
            self.0.lock().unwrap().push((*text).to_owned());
        }
    }
}

#[test]
fn at_most_twenty_lost_blobs_are_named() {
    let blobs = Blobs::of(&(1..=100).collect::<Vec<_>>());
    let server = holding(&blobs);
    for digest in blobs.bytes.keys().take(45) {
        server.remove(&format!("blobs/{digest}"));
    }
    let (work, warnings) = (tempfile::tempdir().unwrap(), Arc::new(Warnings::default()));
    let opened = builder(&server, "").progress(warnings.clone()).open().unwrap();
    let Imported { report, outcome, .. } = import(&[opened], work.path(), false);
    assert!(outcome.is_ok());
    assert_eq!((report.blobs.total, report.blobs.transferred, report.blobs.missing), (100, 55, 45));
    let warnings = warnings.0.lock().unwrap();
    assert_eq!(warnings.iter().filter(|text| text.ends_with("is gone")).count(), 20);
    assert_eq!(warnings[20..], ["25 more blobs are lost", "45 of 100 layers were dropped, the rest is kept"]);
    let error = import(&[cache(&server, "")], &work.path().join("x"), true).outcome.unwrap_err();
    assert!(error.to_string().ends_with("; 25 more blobs are lost"), "{error}");
}

/// A stack of layers, from the lowest to the highest, and their blobs.
fn chain(sizes: &[usize]) -> (CacheConfig, Vec<Vec<u8>>) {
    let blobs: Vec<Vec<u8>> = sizes.iter().zip(1..).map(|(size, seed)| noise(seed, *size)).collect();
    let mut builder = CacheConfigBuilder::new();
    let mut below = None;
    for bytes in &blobs {
        let layer = builder.layer(Digest::of(bytes), below, annotations(bytes));
        let record = builder.record(Digest::of(bytes).to_string(), []);
        builder.result(record, layer, Timestamp::ZERO);
        below = Some(layer);
    }
    (builder.build().unwrap(), blobs)
}

fn annotations(bytes: &[u8]) -> Annotations {
    Annotations {
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        diff_id: Digest::of(bytes),
        size: bytes.len() as u64,
        created_at: Timestamp::ZERO,
    }
}

#[test]
fn blobs_of_dropped_layers_are_neither_downloaded_nor_counted() {
    // The largest is requested first.
    let (config, blobs) = chain(&[10, 500, 400, 300, 200]);
    let server = Server::start();
    for bytes in &blobs {
        server.put_object(&format!("blobs/{}", Digest::of(bytes)), bytes);
    }
    server.put_object("manifests/buildkit", &config.to_s3_json());
    let lost = Digest::of(&blobs[1]);
    server.remove(&format!("blobs/{lost}"));
    for (connections, asked) in [(1, Some(3)), (16, None)] {
        server.take_requests();
        let work = tempfile::tempdir().unwrap();
        let opened = builder(&server, "").connections(connections).open().unwrap();
        let Imported { report, outcome, .. } = import(&[opened], work.path(), false);
        assert!(outcome.is_ok());
        let counts = (report.blobs.total, report.blobs.transferred, report.blobs.missing, report.bytes, report.layers);
        assert_eq!(counts, (2, 1, 1, 10, 1), "{connections}");
        // The manifest, the lost blob and the lowest one.
        assert!(asked.is_none_or(|asked| server.requests().len() == asked), "{connections}");
    }
}

#[test]
fn a_damaged_manifest_is_skipped_if_another_is_valid() {
    let blobs = Blobs::of(&[100, 200]);
    let good = blobs.config.to_s3_json();
    let damages: [(&str, Vec<u8>, Option<Fault>); 6] = [
        ("cut off", good[..good.len() / 2].to_vec(), None),
        ("empty", Vec::new(), None),
        ("not JSON", b"\xff\xfe\x00".to_vec(), None),
        (
            "index out of range",
            br#"{"layers":[],"records":[{"digest":"sha256:1","layers":[{"layer":7}]}]}"#.to_vec(),
            None,
        ),
        ("unreadable", good.clone(), Some(Fault::internal_error())),
        ("broken off", good.clone(), Some(Fault::Truncate(20))),
    ];
    for (what, bytes, fault) in damages {
        for names in ["bad;good", "good;bad", "good;absent;bad"] {
            let server = holding(&blobs);
            server.put_object("manifests/good", &good);
            server.put_object("manifests/bad", &bytes);
            if let Some(fault) = &fault {
                server.fault(get("manifests/bad").always(), fault.clone());
            }
            let (case, work) = (format!("{what} {names}"), tempfile::tempdir().unwrap());
            let opened = || cache(&server, &format!(",name={names}"));
            let Imported { report, outcome, .. } = import(&[opened()], work.path(), false);
            assert!(matches!(outcome, Ok(ImportOutcome::Restored(_))), "{case}: {outcome:?}");
            assert_eq!((report.names, report.layers), (vec!["good".to_owned()], 2), "{case}");
            assert_eq!(opened().load().unwrap().unwrap(), blobs.config, "{case}");
            import(&[opened()], &work.path().join("x"), true).outcome.unwrap_err();
            import(&[cache(&server, ",name=bad;absent")], &work.path().join("x"), false).outcome.unwrap_err();
            assert!(!work.path().join("x").exists());
        }
    }
}

/// Returns a manifest of one blob with this size.
fn claiming(bytes: &[u8], size: u64, more: &[u8]) -> Vec<u8> {
    let mut builder = CacheConfigBuilder::new();
    for (bytes, size) in [(bytes, size), (more, more.len() as u64)] {
        let layer = builder.layer(Digest::of(bytes), None, Annotations { size, ..annotations(bytes) });
        let record = builder.record(Digest::of(bytes).to_string(), []);
        builder.result(record, layer, Timestamp::ZERO);
    }
    builder.build().unwrap().to_s3_json()
}

#[test]
fn a_contradictory_manifest_is_skipped() {
    let (shared, one, two) = (noise(1, 100), noise(2, 50), noise(3, 60));
    let server = Server::start();
    for bytes in [&shared, &one, &two] {
        server.put_object(&format!("blobs/{}", Digest::of(bytes)), bytes);
    }
    server.put_object("manifests/right", &claiming(&shared, 100, &one));
    server.put_object("manifests/too", &claiming(&shared, 100, &two));
    server.put_object("manifests/wrong", &claiming(&shared, 99, &two));
    for (names, kept) in [
        ("right;wrong", &["right"][..]),
        ("wrong;right;too", &["right", "too"]),
        ("right;wrong;too", &["right", "too"]),
        ("too;right;wrong", &["too", "right"]),
    ] {
        let work = tempfile::tempdir().unwrap();
        let opened = cache(&server, &format!(",name={names}"));
        let Imported { report, outcome, .. } = import(std::slice::from_ref(&opened), work.path(), false);
        assert!(outcome.is_ok(), "{names}: {outcome:?}");
        assert_eq!((report.names, report.blobs.missing), (kept.iter().map(|name| (*name).to_owned()).collect(), 0));
        assert!(opened.load().unwrap().is_some());
        let error = import(&[opened], &work.path().join("x"), true).outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{names}");
    }
}

#[test]
fn a_manifest_whose_etag_changes_is_still_read() {
    let blobs = Blobs::of(&[100, 200]);
    for tag in [Fault::other_etag(), Fault::Header("etag", Some("W/\"x\"".to_owned())), Fault::Header("etag", None)] {
        let server = holding(&blobs);
        // The body breaks off, and the rest has another tag each time.
        for nth in [1, 3] {
            server.fault(get("manifests/").nth(nth), Fault::Truncate(30));
        }
        server.fault(get("manifests/").nth(2), tag.clone());
        server.fault(get("manifests/").nth(4), tag.clone());
        assert_eq!(cache(&server, "").load().unwrap().unwrap(), blobs.config, "{tag:?}");
    }
}
