//! Cancellation while a connection is idle: the operation ends soon and leaves nothing behind.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use s3_build_cache::time::SystemClock;
use s3_build_cache::{Cancel, Error, ImportOutcome, LocalCache, Result, S3Cache};

use crate::s3::blobs::{Blobs, PART, config, small_parts};
use crate::s3::builder;
use crate::s3_server::{Config, Fault, Match, Operation, Server, Then};

/// Far below the time limits of reads and writes, and far above the time needed.
const SOON: Duration = Duration::from_secs(5);
const STANDSTILL: Duration = Duration::from_secs(300);

fn held() -> Fault {
    Fault::Delay(STANDSTILL)
}

fn wait_for(server: &Server, operation: Operation) {
    let start = Instant::now();
    while !server.requests().iter().any(|request| request.operation == operation) {
        assert!(start.elapsed() < Duration::from_secs(20), "no {operation:?} came");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Runs `act`, and cancels it shortly after the server has received `operation`.
#[track_caller]
fn cancelled<T: Send>(
    server: &Server,
    operation: Operation,
    after: Duration,
    act: impl FnOnce(S3Cache) -> Result<T> + Send,
) {
    let cancel = Cancel::new();
    let clock = std::sync::Arc::new(SystemClock::default());
    let opened = builder(server, "").tuning(small_parts()).clock(clock).cancel(cancel.clone());
    let opened = opened.open().unwrap();
    thread::scope(|scope| {
        let thread = scope.spawn(|| act(opened).map(drop));
        wait_for(server, operation);
        thread::sleep(after);
        let start = Instant::now();
        cancel.cancel();
        let result = thread.join().unwrap();
        assert!(matches!(result, Err(Error::Cancelled)), "{operation:?}: {result:?}");
        assert!(start.elapsed() < SOON, "{operation:?}: {:?}", start.elapsed());
    });
    assert!(server.uploads().is_empty(), "{operation:?}: {:?}", server.uploads());
    assert_eq!(server.object("manifests/buildkit").is_some(), operation == Operation::GetObject);
}

#[test]
fn an_export_waiting_for_a_response_is_interrupted() {
    for (operation, sizes) in [
        (Operation::ListObjectsV2, &[10; 9][..]),
        (Operation::PutObject, &[10, 20]),
        (Operation::HeadObject, &[10, 20]),
        (Operation::CreateMultipartUpload, &[3 * PART]),
        (Operation::UploadPart, &[6 * PART, 3 * PART]),
        (Operation::CompleteMultipartUpload, &[2 * PART]),
    ] {
        let (server, blobs) = (Server::with(config()), Blobs::of(sizes));
        server.fault(Match::operation(operation).always(), held());
        cancelled(&server, operation, Duration::from_millis(50), |cache| {
            cache.export_config(&blobs.config, &blobs, &Default::default())
        });
    }
}

#[test]
fn an_export_with_a_blocked_write_is_interrupted() {
    // More than the buffers of a loopback connection can hold.
    let (server, blobs) = (Server::with(Config { min_part: 0, ..config() }), Blobs::of(&[12 << 20]));
    server.fault(Match::operation(Operation::PutObject).always(), held());
    let whole = s3_build_cache::program::Tuning { split_above: u64::MAX, ..small_parts() };
    // The client first waits a second for `100 Continue`.
    cancelled(&server, Operation::PutObject, Duration::from_millis(1500), |cache| {
        let cache = S3Cache::builder(cache.options()).store(cache.store().clone()).tuning(whole).open()?;
        cache.export_config(&blobs.config, &blobs, &Default::default())
    });
}

#[test]
fn an_import_waiting_for_bytes_is_interrupted_and_leaves_no_files() {
    let drip = || Fault::Drip { bytes: 2000, every: STANDSTILL };
    for (key, fault) in [("manifests/", held()), ("manifests/", drip()), ("blobs/", held()), ("blobs/", drip())] {
        let (server, blobs) = (Server::with(config()), Blobs::of(&[5 * PART, 1000, PART]));
        blobs.put_into(&server);
        server.fault(Match::operation(Operation::GetObject).key(key).always(), fault);
        let work = tempfile::tempdir().unwrap();
        let target = LocalCache::create(work.path().join("restored"), "latest");
        cancelled(&server, Operation::GetObject, Duration::from_millis(300), |cache| -> Result<ImportOutcome> {
            cache.import(&target)
        });
        // The directory contains complete blobs at most.
        assert!(!target.dir().join("index.json").exists() && !target.dir().join(".s3-build-cache").exists(), "{key}");
        for blob in fs::read_dir(target.dir().join("blobs/sha256")).into_iter().flatten() {
            let digest = format!("sha256:{}", blob.unwrap().file_name().to_str().unwrap()).parse().unwrap();
            assert!(target.verify_blob(&digest).unwrap());
        }
    }
}

#[test]
fn an_unanswered_abort_does_not_delay_cancellation() {
    let (server, blobs) = (Server::with(config()), Blobs::of(&[3 * PART, 4 * PART, 5 * PART, 6 * PART]));
    server.fault(Match::operation(Operation::UploadPart).always(), held());
    server.fault(Match::operation(Operation::AbortMultipartUpload).always(), held());
    let cancel = Cancel::new();
    let opened = builder(&server, "").tuning(small_parts()).cancel(cancel.clone()).open().unwrap();
    thread::scope(|scope| {
        let thread = scope.spawn(|| opened.export_config(&blobs.config, &blobs, &Default::default()));
        wait_for(&server, Operation::UploadPart);
        let start = Instant::now();
        cancel.cancel();
        assert!(matches!(thread.join().unwrap(), Err(Error::Cancelled)));
        assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    });
}

/// Clean-up after a failure is interrupted too, and then done over a new connection.
#[test]
fn an_abort_in_progress_completes() {
    let (server, blobs) = (Server::with(config()), Blobs::of(&[3 * PART]));
    server.fault(Match::operation(Operation::UploadPart).always(), Fault::early_denied(Then::Reset));
    server.fault(Match::operation(Operation::AbortMultipartUpload), held());
    let cancel = Cancel::new();
    let opened = builder(&server, ",retry_max_attempts=1").tuning(small_parts()).cancel(cancel.clone());
    let opened = opened.open().unwrap();
    thread::scope(|scope| {
        let thread = scope.spawn(|| opened.export_config(&blobs.config, &blobs, &Default::default()));
        wait_for(&server, Operation::AbortMultipartUpload);
        thread::sleep(Duration::from_millis(50));
        let start = Instant::now();
        cancel.cancel();
        assert!(thread.join().unwrap().is_err());
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    });
    assert!(server.uploads().is_empty());
}

#[test]
fn an_already_cancelled_handle_stops_every_operation_at_once() {
    let (server, blobs) = (Server::with(config()), Blobs::of(&[3 * PART]));
    let cancel = Cancel::new();
    cancel.cancel();
    let opened = builder(&server, "").cancel(cancel).open().unwrap();
    let result = opened.export_config(&blobs.config, &blobs, &Default::default());
    assert!(matches!(result, Err(Error::Cancelled)));
    assert!(server.requests().is_empty());
}

/// The upload id is known only after the response has been read.
#[test]
fn an_upload_cancelled_while_being_created_is_aborted() {
    let (server, blobs) = (Server::with(config()), Blobs::of(&[3 * PART, 4 * PART]));
    let slow = Fault::Drip { bytes: 100, every: Duration::from_millis(100) };
    server.fault(Match::operation(Operation::CreateMultipartUpload).always(), slow);
    cancelled(&server, Operation::CreateMultipartUpload, Duration::from_millis(150), |cache| {
        cache.export_config(&blobs.config, &blobs, &Default::default())
    });
    let aborted = server.requests().into_iter().filter(|one| one.operation == Operation::AbortMultipartUpload);
    assert_eq!(aborted.count(), 2);
}
