//! Exports from a source without some blobs, and the reports of failed exports.

use std::collections::HashMap;
use std::fs;
use std::io::{Cursor, Read};
use std::sync::atomic::{AtomicUsize, Ordering};

use s3_build_cache::object::BlobSource;
use s3_build_cache::{Digest, ErrorKind, ExportOptions, LocalCache, Result};

use crate::s3::blobs::{Blobs, PART, cut};
use crate::s3::resilience::{DAY, holding, import, refusal};
use crate::s3::{builder, cache};
use crate::s3_server::{Match, Operation, Server};

/// A failed export reports what it has done.
#[test]
fn a_failed_export_reports_its_progress() {
    let blobs = Blobs::of(&[400, 300, 200, 100]);
    let (smallest, _) = blobs.bytes.iter().min_by_key(|(_, bytes)| bytes.len()).unwrap();
    let server = Server::start();
    server.fault(Match::operation(Operation::PutObject).key(&smallest.hex()), refusal(403, "AccessDenied"));
    let opened = builder(&server, "").connections(1).open().unwrap();
    let exported = opened.export_from(&blobs.config, &blobs, &ExportOptions::new());
    assert_eq!(exported.outcome.unwrap_err().kind(), ErrorKind::Access);
    let report = exported.report;
    assert_eq!((report.layers, report.blobs.total, report.blobs.transferred, report.bytes), (4, 4, 3, 900));
    assert_eq!((report.requests, report.names.len()), (server.requests().len() as u64, 0));

    // The manifest was written under the first of two names.
    let server = Server::start();
    server.fault(Match::operation(Operation::PutObject).key("manifests/b"), refusal(403, "AccessDenied"));
    let exported = cache(&server, ",name=a;b").export_from(&blobs.config, &blobs, &ExportOptions::new());
    assert_eq!((exported.report.names, exported.report.blobs.transferred), (vec!["a".to_owned()], 4));
}

/// Has only some of the blobs, and counts its calls.
struct Partial {
    blobs: HashMap<Digest, Vec<u8>>,
    asked: AtomicUsize,
}

impl BlobSource for Partial {
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.blobs.get(digest).map(|bytes| bytes.len() as u64))
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.blobs[digest].clone())))
    }
}

#[test]
fn a_lazily_read_cache_is_written_back_without_uploading_present_blobs() {
    let blobs = Blobs::of(&[100, 200, 3 * PART]);
    let server = holding(&blobs);
    let opened = cut(&server, "");
    let config = opened.load().unwrap().unwrap();
    let none = Partial { blobs: HashMap::new(), asked: AtomicUsize::new(0) };
    for (options, old) in [
        (ExportOptions::new(), false),
        (ExportOptions::new(), true),
        (ExportOptions::new().verify_existing(true), false),
        (ExportOptions::new().dry_run(true), true),
    ] {
        for key in server.keys().into_iter().filter(|_| old) {
            server.set_age(&key, 2 * DAY);
        }
        let report = opened.export_config(&config, &none, &options).unwrap();
        assert_eq!((report.blobs.present, report.blobs.transferred), (3, 0));
        assert_eq!(none.asked.load(Ordering::SeqCst), 0);
    }

    // One blob is missing from the store, and is the only one that the source has.
    let gone = blobs.digest();
    server.remove(&format!("blobs/{gone}"));
    let one = Partial { blobs: HashMap::from([(gone, blobs.bytes[&gone].clone())]), asked: AtomicUsize::new(0) };
    let report = opened.export_config(&config, &one, &ExportOptions::new()).unwrap();
    assert_eq!((report.blobs.present, report.blobs.transferred, one.asked.into_inner()), (2, 1, 1));
    blobs.are_in(&server);
}

/// The source must have every blob to upload before anything is uploaded.
#[test]
fn a_blob_missing_on_both_sides_fails_before_any_upload() {
    let blobs = Blobs::of(&[100, 200, 300]);
    let missing = blobs.digest();
    let damage = |server: &Server| {
        for digest in blobs.bytes.keys() {
            server.put_object(&format!("blobs/{digest}"), b"of another size");
        }
        server.take_requests();
    };
    let server = holding(&blobs);
    damage(&server);
    let mut rest = blobs.bytes.clone();
    rest.remove(&missing);
    let source = Partial { blobs: rest, asked: AtomicUsize::new(0) };
    let error = cache(&server, "").export_config(&blobs.config, &source, &ExportOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(error.hint().is_some_and(|hint| hint.contains("in the bucket or in the source")), "{:?}", error.hint());
    assert!(error.to_string().contains(&missing.to_string()), "{error}");
    assert!(server.requests().iter().all(|request| request.method != "PUT"));

    // A directory can be removed and rebuilt.
    let work = tempfile::tempdir().unwrap();
    import(&[cache(&holding(&blobs), "")], work.path(), true).outcome.unwrap();
    fs::remove_file(work.path().join("blobs/sha256").join(missing.hex())).unwrap();
    let local = LocalCache::open(work.path(), "latest").unwrap();
    let error = cache(&server, "").export(&local).unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("remove the directory")), "{:?}", error.hint());
    assert!(server.requests().iter().all(|request| request.method != "PUT"));
}

/// A blob is corrupt in the store, and missing at the source.
#[test]
fn a_corrupt_blob_can_be_replaced_only_from_local_data() {
    let blobs = Blobs::of(&[100, 200]);
    let server = holding(&blobs);
    let corrupt = blobs.digest();
    server.put_object(&format!("blobs/{corrupt}"), &vec![0; blobs.bytes[&corrupt].len()]);
    let verify = ExportOptions::new().verify_existing(true);
    let none = Partial { blobs: HashMap::new(), asked: AtomicUsize::new(0) };
    let error = cache(&server, "").export_config(&blobs.config, &none, &verify).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(error.to_string().contains(&corrupt.to_string()), "{error}");
    let report = cache(&server, "").export_config(&blobs.config, &blobs, &verify).unwrap();
    assert_eq!((report.blobs.transferred, report.blobs.present), (1, 1));
    blobs.are_in(&server);
}
