//! An interrupted transfer keeps the blobs that it finished, and few are open at a time.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use s3_build_cache::progress::{Event, Progress};
use s3_build_cache::{Cancel, Digest, Error, LocalCache, S3Cache};

use crate::s3::blobs::{Blobs, PART, server, small_parts};
use crate::s3::builder;
use crate::s3_server::{Fault, Match, Server};

const CONNECTIONS: usize = 4;
const BLOBS: usize = 8;
/// The number of parts of a blob.
const PARTS: usize = 5;

/// Cancels once this many bytes of all blobs together have been transferred.
struct CancelAtSum {
    cancel: Cancel,
    at: u64,
    transferred: Mutex<HashMap<Digest, u64>>,
}

impl Progress for CancelAtSum {
    fn event(&self, event: &Event<'_>) {
        if let Event::Advanced { digest, current, .. } = event {
            let mut transferred = self.transferred.lock().unwrap();
            transferred.insert(**digest, *current);
            if transferred.values().sum::<u64>() >= self.at {
                self.cancel.cancel();
            }
        }
    }
}

/// Returns a server on which every request takes a while, so that the connections run in step.
fn slow() -> (Server, Blobs) {
    let server = server();
    server.fault(Match::any().key("blobs/").always(), Fault::Delay(Duration::from_millis(40)));
    (server, Blobs::of(&[PARTS * PART; BLOBS]))
}

/// Opens a cache that is interrupted after that many parts.
fn interrupted(server: &Server, parts: usize) -> S3Cache {
    let cancel = Cancel::new();
    let progress = CancelAtSum { cancel: cancel.clone(), at: (parts * PART) as u64, transferred: Mutex::default() };
    let opened = builder(server, "").tuning(small_parts()).connections(CONNECTIONS).cancel(cancel);
    opened.progress(Arc::new(progress)).open().unwrap()
}

/// Returns how many blobs must be whole after that many parts: all but what the connections were busy with, and one
/// open blob.
fn at_least(parts: usize) -> usize {
    parts.saturating_sub(CONNECTIONS + PARTS) / PARTS
}

#[test]
fn an_interrupted_export_keeps_all_but_one_part_per_connection_and_one_blob() {
    for parts in [BLOBS * PARTS / 3, BLOBS * PARTS / 2, BLOBS * PARTS * 2 / 3] {
        let (server, blobs) = slow();
        let opened = interrupted(&server, parts);
        let error = opened.export_config(&blobs.config, &blobs, &Default::default()).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        let kept = server.keys().len();
        assert!(kept >= at_least(parts), "{kept} of {BLOBS} blobs are kept after {parts} parts");
        assert!(server.uploads().is_empty());
        // The next export sends only the rest.
        server.clear_faults();
        let report = builder(&server, "").tuning(small_parts()).open().unwrap();
        let report = report.export_config(&blobs.config, &blobs, &Default::default()).unwrap();
        assert_eq!(report.blobs.transferred, BLOBS - kept);
        blobs.are_in(&server);
    }
}

#[test]
fn an_interrupted_import_keeps_all_but_one_range_per_connection_and_one_blob() {
    for parts in [BLOBS * PARTS / 3, BLOBS * PARTS / 2, BLOBS * PARTS * 2 / 3] {
        let (server, blobs) = slow();
        blobs.put_into(&server);
        let work = tempfile::tempdir().unwrap();
        let target = LocalCache::create(work.path(), "latest");
        let error = interrupted(&server, parts).import(&target).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        let kept = fs::read_dir(work.path().join("blobs/sha256")).unwrap().count();
        assert!(kept >= at_least(parts), "{kept} of {BLOBS} blobs are kept after {parts} parts");
    }
}
