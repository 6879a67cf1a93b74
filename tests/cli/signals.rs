//! SIGINT, SIGTERM, SIGHUP and SIGQUIT.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::caches::{
    Running, bucket_is_sound, dir_is_sound, no_temporaries, objects_of, s3_store, start, start_by, write_cache,
};
use crate::s3::blobs::Blobs;
use crate::s3_server::{Fault, Match, Operation, Server};

const STANDSTILL: Duration = Duration::from_secs(300);
const SOON: Duration = Duration::from_secs(4);
const MIB: usize = 1 << 20;

fn held() -> Fault {
    Fault::Delay(STANDSTILL)
}

/// Starts the program and waits until shortly after the server got a request for `operation`.
fn start_until(server: &Server, operation: Operation, arguments: &[&str]) -> Running {
    let run = start(arguments);
    let begun = Instant::now();
    while !server.requests().iter().any(|request| request.operation == operation) {
        assert!(begun.elapsed() < Duration::from_secs(30), "no {operation:?} came");
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(200));
    run
}

/// A cache with a large blob that is uploaded in parts.
struct Large {
    work: tempfile::TempDir,
    blobs: Blobs,
}

impl Large {
    fn new() -> Self {
        let (work, blobs) = (tempfile::tempdir().unwrap(), Blobs::of(&[1000, 2000]).and(vec![7; 65 * MIB]));
        write_cache(&blobs, &work.path().join("source"));
        Self { work, blobs }
    }

    fn export(&self, server: &Server, operation: Operation) -> Running {
        let source = self.work.path().join("source");
        start_until(server, operation, &["export", source.to_str().unwrap(), "--cache-to", &s3_store(server), "-j2"])
    }
}

#[test]
fn the_first_signal_stops_a_stalled_export_and_aborts_its_uploads() {
    let large = Large::new();
    for (signal, status) in [("INT", 130), ("QUIT", 131), ("TERM", 143)] {
        let server = Server::start();
        server.fault(Match::operation(Operation::UploadPart).always(), held());
        let run = large.export(&server, Operation::UploadPart);
        run.signal(signal);
        let run = run.finish(SOON).expect(status).says(&["stopping\n", "error: export to s3://cache/: cancelled"]);
        assert!(run.stdout.is_empty(), "{}", run.stdout);
        assert!(server.uploads().is_empty());
        assert_eq!(bucket_is_sound(&objects_of(&server), &[&large.blobs.config]), None);
    }
}

/// Returns whether the tests run under `nohup` or the like; the programs they start then ignore SIGHUP.
fn hangups_are_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1)
}

#[test]
fn a_closed_terminal_stops_an_import_as_sigterm_does() {
    let blobs = Blobs::of(&[100_000, 300]);
    let (server, work) = (Server::start(), tempfile::tempdir().unwrap());
    blobs.put_into(&server);
    server.fault(Match::operation(Operation::GetObject).key("blobs/").always(), held());
    let dir = work.path().join("restored");
    let store = s3_store(&server);
    let arguments = ["import", dir.to_str().unwrap(), "--cache-from", &store];
    if hangups_are_ignored() {
        println!("skipped: SIGHUP is ignored here");
    } else {
        let run = start_until(&server, Operation::GetObject, &arguments);
        // The kernel sends one and the shell another, so a second one does not end the program at once.
        run.signal("HUP");
        run.signal("HUP");
        run.finish(SOON).expect(129).says(&["error: import: cancelled"]);
        assert!(!dir.exists());
    }
    // Started with SIGHUP ignored, the program keeps ignoring it.
    let manifests = || server.requests().iter().filter(|request| request.path.contains("manifests/")).count();
    let before = manifests();
    let run = start_by("sh", &["-c", "trap '' HUP; exec \"$@\"", "sh"], &arguments);
    let begun = Instant::now();
    while manifests() == before {
        assert!(begun.elapsed() < SOON);
        thread::sleep(Duration::from_millis(10));
    }
    run.signal("HUP");
    thread::sleep(Duration::from_millis(300));
    run.signal("TERM");
    run.finish(SOON).expect(143);
}

#[test]
fn a_second_signal_ends_the_program_at_once_and_a_clean_stop_takes_at_most_five_seconds() {
    let large = Large::new();
    for second in [true, false] {
        let server = Server::start();
        for operation in [Operation::UploadPart, Operation::AbortMultipartUpload] {
            server.fault(Match::operation(operation).always(), held());
        }
        let run = large.export(&server, Operation::UploadPart);
        run.signal("TERM");
        let begun = Instant::now();
        while second && !server.requests().iter().any(|request| request.operation == Operation::AbortMultipartUpload) {
            assert!(begun.elapsed() < SOON);
            thread::sleep(Duration::from_millis(10));
        }
        if second {
            run.signal("INT");
            run.finish(Duration::from_secs(1)).expect(130);
        } else {
            run.finish(Duration::from_secs(6)).expect(143).says(&["warning: parts of ", "are left in the store"]);
        }
    }
}

#[test]
fn a_signal_stops_an_import_and_leaves_no_temporaries() {
    let blobs = Blobs::of(&[100_000, 200_000, 300]);
    for (operation, fault, json) in [
        (Operation::GetObject, held(), false),
        (Operation::GetObject, Fault::Drip { bytes: 50_000, every: STANDSTILL }, true),
    ] {
        let (server, work) = (Server::start(), tempfile::tempdir().unwrap());
        blobs.put_into(&server);
        server.fault(Match::operation(operation).key("blobs/").always(), fault);
        let dir = work.path().join("restored");
        let store = s3_store(&server);
        let mut arguments = vec!["import", dir.to_str().unwrap(), "--cache-from", &store];
        arguments.extend(json.then_some("--json"));
        let run = start_until(&server, operation, &arguments);
        run.signal("INT");
        let run = run.finish(SOON).expect(130).says(&["error: import: cancelled"]);
        assert_eq!(run.stdout.contains("\"kind\":\"cancelled\""), json, "{}", run.stdout);
        assert_eq!(dir_is_sound(&dir, &[&blobs.config]), None);
        no_temporaries(&dir);
    }
}
