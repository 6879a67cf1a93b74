//! Imports from the strict server: the bytes are the same, or the report lists what is missing.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use s3_build_cache::{
    Cancel, Error, ErrorKind, ImportOptions, ImportOutcome, LocalCache, Report, S3Cache, import_from,
};

use crate::s3::{CancelAt, builder, cache, export};
use crate::s3_server::{At, Fault, Match, Operation, Server};

/// A server that holds a fixture.
fn holding(fixture: &str) -> Server {
    let server = Server::start();
    export(&cache(&server, ""), fixture).unwrap();
    server.take_requests();
    server
}

fn restored(outcome: ImportOutcome) -> Report {
    match outcome {
        ImportOutcome::Restored(report) => report,
        other => panic!("{other:?}"),
    }
}

fn import(opened: &S3Cache, directory: &Path) -> Report {
    restored(
        opened.import(&LocalCache::create(directory, "latest")).unwrap_or_else(|error| panic!("{}", error.chain())),
    )
}

/// The directory equals BuildKit's byte for byte.
#[track_caller]
fn same_as_fixture(directory: &Path, fixture: &str) {
    let expected = Path::new("tests/fixtures").join(fixture).join("local");
    for file in ["index.json", "oci-layout"] {
        assert_eq!(fs::read(directory.join(file)).unwrap(), fs::read(expected.join(file)).unwrap(), "{file}");
    }
    let names = |directory: &Path| {
        let files = fs::read_dir(directory.join("blobs/sha256")).unwrap().map(|file| file.unwrap().file_name());
        let mut names: Vec<_> = files.collect();
        names.sort();
        names
    };
    assert_eq!(names(directory), names(&expected));
    for name in names(directory) {
        let path = Path::new("blobs/sha256").join(name);
        assert_eq!(fs::read(directory.join(&path)).unwrap(), fs::read(expected.join(&path)).unwrap(), "{path:?}");
    }
    assert!(!directory.join(".s3-build-cache").exists());
}

#[test]
fn a_restored_directory_equals_buildkits() {
    for fixture in ["max", "min"] {
        let server = holding(fixture);
        let work = tempfile::tempdir().unwrap();
        let report = import(&cache(&server, ""), work.path());
        assert_eq!((report.blobs.total, report.blobs.transferred), (report.blobs.total, report.blobs.total));
        assert_eq!(report.requests, 1 + report.blobs.total as u64);
        same_as_fixture(work.path(), fixture);
        let again = import(&cache(&server, ""), work.path());
        assert_eq!((again.blobs.transferred, again.bytes, again.requests), (0, 0, 1));
    }
}

#[test]
fn an_import_survives_transient_failures() {
    let get = || Match::operation(Operation::GetObject);
    for key in ["manifests/", "0706ae32fa69504750fc6885db782bef1d318511c48e8a1f360305fcc11f32e1"] {
        for fault in [
            Fault::slow_down(),
            Fault::internal_error(),
            Fault::Reset(At::Head),
            Fault::Reset(At::ResponseBody(10)),
            Fault::Reset(At::Answered),
            Fault::EmptyReply,
            Fault::Truncate(100),
            Fault::TruncateUnannounced(100),
            Fault::CloseAfter,
            Fault::ResetNext,
            Fault::Drip { bytes: 4000, every: std::time::Duration::from_millis(1) },
        ] {
            let server = holding("max");
            let case = format!("{key} {fault:?}");
            server.fault(get().key(key), fault);
            let work = tempfile::tempdir().unwrap();
            import(&cache(&server, ""), work.path());
            assert_eq!(server.pending_faults(), 0, "{case}");
            same_as_fixture(work.path(), "max");
            assert!(server.requests().iter().all(|request| request.refused.is_none()), "{case}");
        }
    }
}

/// Only the rest is requested again, not the whole blob.
#[test]
fn buildkit_5597_a_broken_body_resumes_at_the_break() {
    let server = holding("max");
    let key = "0706ae32fa69504750fc6885db782bef1d318511c48e8a1f360305fcc11f32e1";
    server.fault(Match::operation(Operation::GetObject).key(key), Fault::Truncate(50_000));
    // Then the server ignores a range once, and returns a wrong one.
    server.fault(Match::operation(Operation::GetObject).key(key).nth(2), Fault::content_range("bytes 0-9/71147"));
    server.fault(Match::operation(Operation::GetObject).key(key).nth(3), Fault::ignore_range());
    let work = tempfile::tempdir().unwrap();
    import(&cache(&server, ""), work.path());
    same_as_fixture(work.path(), "max");
    let ranges: Vec<Option<String>> = (server.requests().iter().filter(|request| request.path.contains(key)))
        .map(|request| request.header("range").map(str::to_owned))
        .collect();
    let rest = Some("bytes=50000-71146".to_owned());
    assert_eq!(ranges, [None, rest.clone(), rest]);
}

/// Each response contains a few bytes, so a thousand would be needed.
#[test]
fn a_blob_that_arrives_too_slowly_is_abandoned() {
    let server = holding("max");
    let key = "0706ae32fa69504750fc6885db782bef1d318511c48e8a1f360305fcc11f32e1";
    server.fault(Match::operation(Operation::GetObject).key(key).always(), Fault::Truncate(70));
    let work = tempfile::tempdir().unwrap();
    let report = import(&cache(&server, ""), work.path());
    assert_eq!((report.blobs.missing, work.path().join("blobs/sha256").join(key).exists()), (1, false));
    // Three in each of five rounds.
    assert_eq!(server.requests().iter().filter(|request| request.path.contains(key)).count(), 15);
}

#[test]
fn a_corrupt_blob_is_downloaded_once_more_and_then_dropped() {
    let key = "6a6dc3084967287b564240682c1d1cbc50303e88a795bc13addda12b1779ffcb";
    let corrupt = |times| {
        let server = holding("max");
        server.fault(Match::operation(Operation::GetObject).key(key).times(times), Fault::Corrupt(7));
        server
    };
    let work = tempfile::tempdir().unwrap();
    import(&cache(&corrupt(1), ""), work.path());
    same_as_fixture(work.path(), "max");

    let (server, work) = (corrupt(usize::MAX), tempfile::tempdir().unwrap());
    let report = import(&cache(&server, ""), work.path());
    assert_eq!(report.blobs.missing, 1);
    assert!(report.layers < 11);
    assert!(!work.path().join("blobs/sha256").join(key).exists());
    assert_eq!(server.requests().iter().filter(|request| request.path.contains(key)).count(), 2);
    LocalCache::open(work.path(), "latest").unwrap().load().unwrap();

    let strict = ImportOptions::new().strict(true);
    let (server, work) = (corrupt(usize::MAX), tempfile::tempdir().unwrap());
    let target = LocalCache::create(work.path(), "latest");
    let error = import_from(&[cache(&server, "")], &target, &strict).outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(!work.path().join("index.json").exists());
}

#[test]
fn buildkit_3223_a_missing_blob_costs_only_its_dependents() {
    let server = holding("max");
    for key in server.keys().into_iter().filter(|key| key.starts_with("blobs/")) {
        let bytes = server.object(&key).unwrap();
        server.remove(&key);
        let work = tempfile::tempdir().unwrap();
        let report = import(&cache(&server, ""), work.path());
        assert_eq!(report.blobs.missing, 1, "{key}");
        let config = LocalCache::open(work.path(), "latest").unwrap().load().unwrap();
        assert_eq!(config.layers().len(), report.layers);
        assert!(config.layers().iter().all(|layer| !key.contains(&layer.blob.hex())));
        server.put_object(&key, &bytes);
    }
}

#[test]
fn a_blob_missing_from_one_source_comes_from_another() {
    let (one, two) = (holding("max"), holding("max"));
    let blobs: Vec<String> = one.keys().into_iter().filter(|key| key.starts_with("blobs/")).collect();
    for (at, key) in blobs.iter().enumerate() {
        if at % 2 == 0 {
            one.remove(key)
        } else {
            two.remove(key)
        };
    }
    let work = tempfile::tempdir().unwrap();
    let target = LocalCache::create(work.path(), "latest");
    let sources = [cache(&one, ""), cache(&two, "")];
    let report = restored(import_from(&sources, &target, &ImportOptions::new().strict(true)).outcome.unwrap());
    assert_eq!((report.blobs.transferred, report.blobs.missing), (10, 0));
    same_as_fixture(work.path(), "max");
}

#[test]
fn names_are_merged_and_absent_names_skipped() {
    let server = holding("max");
    let two = LocalCache::open("tests/fixtures/two-tags/local", "second").unwrap();
    cache(&server, ",name=second").export(&two).unwrap();
    let work = tempfile::tempdir().unwrap();
    let report = import(&cache(&server, ",name=absent;buildkit;second"), work.path());
    assert_eq!(report.names, ["buildkit", "second"]);
    assert!(report.layers > 11, "{report:?}");
    let outcome = cache(&server, ",name=absent").import(&LocalCache::create(work.path().join("x"), "latest")).unwrap();
    assert_eq!(outcome, ImportOutcome::Miss);
    assert!(!work.path().join("x").exists());
}

#[test]
fn buildkit_5107_trailing_bytes_after_the_manifest_are_an_error() {
    let server = holding("min");
    let mut manifest = server.object("manifests/buildkit").unwrap();
    manifest.extend_from_slice(b"\n\n");
    server.put_object("manifests/buildkit", &manifest);
    assert!(cache(&server, "").load().unwrap().is_some());
    manifest.extend_from_slice(b"{}");
    server.put_object("manifests/buildkit", &manifest);
    let error = cache(&server, "").load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(error.to_string().contains("s3://cache/manifests/buildkit"), "{error}");
}

#[test]
fn a_config_without_layers_is_a_cache_miss() {
    let server = Server::start();
    server.put_object("manifests/buildkit", b"{}");
    let work = tempfile::tempdir().unwrap();
    let outcome = cache(&server, "").import(&LocalCache::create(work.path().join("x"), "latest")).unwrap();
    assert_eq!(outcome, ImportOutcome::Miss);
    assert!(!work.path().join("x").exists());
}

#[test]
fn a_blob_is_read_lazily_and_checked() {
    let server = holding("min");
    let opened = cache(&server, "");
    let config = opened.load().unwrap().unwrap();
    assert_eq!(server.requests().len(), 1);
    let layer = &config.layers()[0];
    let mut bytes = Vec::new();
    let mut blob = opened.open_blob(&layer.blob).unwrap().unwrap();
    assert_eq!(blob.size(), layer.annotations.size);
    blob.read_to_end(&mut bytes).unwrap();
    assert_eq!(s3_build_cache::Digest::of(&bytes), layer.blob);

    server.fault(Match::operation(Operation::GetObject), Fault::Corrupt(3));
    let error = opened.open_blob(&layer.blob).unwrap().unwrap().read_to_end(&mut bytes).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    server.remove(&format!("blobs/{}", layer.blob));
    assert!(opened.open_blob(&layer.blob).unwrap().is_none());
}

#[test]
fn cancellation_leaves_no_partial_files() {
    let server = holding("max");
    let (cancel, work) = (Cancel::new(), tempfile::tempdir().unwrap());
    let progress = Arc::new(CancelAt(cancel.clone(), 1));
    let opened = builder(&server, "").cancel(cancel.clone()).progress(progress).open().unwrap();
    let directory = work.path().join("restored");
    let error = opened.import(&LocalCache::create(&directory, "latest")).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert!(!directory.join("index.json").exists() && !directory.join(".s3-build-cache").exists());

    let empty = Server::start();
    let (cancel, keys) = (Cancel::new(), empty.keys());
    let progress = Arc::new(CancelAt(cancel.clone(), 1));
    let opened = builder(&empty, ",name=app").cancel(cancel).progress(progress).connections(1).open().unwrap();
    assert!(matches!(export(&opened, "max").unwrap_err(), Error::Cancelled));
    assert!(keys.is_empty() && empty.object("manifests/app").is_none());
}
