//! Exports and prunings of one bucket at the same time, both killed at any moment, with graces of seconds.

use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::caches::{Running, start, write_cache};
use super::{file_store, run};
use crate::s3::merge::job;

/// So many that some are not exported for a while, and are pruned.
const JOBS: u32 = 120;
const EXPORTERS: u32 = 8;
/// An export refreshes older blobs. It takes much less than the grace minus this.
const REFRESH: &str = "touch_refresh=2s";
const PRUNE: [&str; 6] = ["--older-than", "3s", "--grace", "6s", "--force", "--json"];
const ENDS_WITHIN: Duration = Duration::from_secs(120);
/// How long to go on until everything has happened once. A slow server prunes only a few times in the usual time.
const LONGEST: Duration = Duration::from_secs(120);

/// How many runs ended, and how many were killed.
#[derive(Debug, Default)]
struct Runs {
    ended: AtomicU32,
    killed: AtomicU32,
    /// Those that reported a manifest with a missing blob.
    reported: AtomicU32,
    /// The blobs that were deleted.
    deleted: AtomicU64,
}

/// Returns a number below `most`.
fn random(most: u32) -> u32 {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    (nanos ^ nanos.rotate_right(11)).wrapping_mul(0x9e37_79b9) % most
}

impl Runs {
    /// Kills a run within `longest` milliseconds, or lets it end with one of the expected statuses.
    fn take(&self, mut running: Running, killed: bool, longest: u32, expected: &[i32]) {
        if killed {
            thread::sleep(Duration::from_millis(random(longest).into()));
            running.kill();
        }
        let run = running.finish(ENDS_WITHIN);
        match run.status {
            -1 => drop(self.killed.fetch_add(1, Ordering::SeqCst)),
            5 => drop(self.reported.fetch_add(1, Ordering::SeqCst)),
            status => {
                assert!(expected.contains(&status), "{status}: {}{}", run.stdout, run.stderr);
                self.ended.fetch_add(1, Ordering::SeqCst);
                let json: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
                let deleted = json["targets"][0]["result"]["deleted"]["blobs"].as_u64();
                self.deleted.fetch_add(deleted.unwrap_or_default(), Ordering::SeqCst);
            }
        }
    }
}

/// Exports and prunes until the time is over, and runs of both kinds have ended, been killed, and deleted blobs. Then
/// no manifest names a missing blob.
pub(crate) fn exports_and_prunings(store: &str, caches: &Path, lasts: Duration) {
    let (exports, prunes, begun) = (Runs::default(), Runs::default(), Instant::now());
    let dir = |number: u32| caches.join(number.to_string()).to_str().unwrap().to_owned();
    (0..JOBS).for_each(|number| write_cache(&job(number), Path::new(&dir(number))));
    let export = || {
        let number = random(JOBS);
        let name = if random(8) == 0 { "main,on_conflict=merge".to_owned() } else { format!("pr-{number}") };
        let running = start(&["export", &dir(number), "--cache-to", &format!("{store},{REFRESH},name={name}")]);
        exports.take(running, random(3) == 0, 150, &[0]);
    };
    let prune = || {
        let running = start(&[&["prune", &format!("{store},{REFRESH}")][..], &PRUNE].concat());
        prunes.take(running, random(3) == 0, 300, &[0, 6]);
    };
    let count = |runs: &Runs| [&runs.ended, &runs.killed].map(|count| count.load(Ordering::SeqCst) > 0);
    let happened = || ((count(&exports), count(&prunes)), prunes.deleted.load(Ordering::SeqCst) > 0);
    let all = (([true; 2], [true; 2]), true);
    let repeat = |work: &(dyn Fn() + Sync)| {
        while begun.elapsed() < lasts || (happened() != all && begun.elapsed() < LONGEST) {
            work();
        }
    };
    thread::scope(|scope| {
        (0..EXPORTERS).for_each(|_| drop(scope.spawn(|| repeat(&export))));
        scope.spawn(|| repeat(&prune));
    });
    println!("{:?}: exports {exports:?}, prunings {prunes:?}", begun.elapsed());
    run(&["verify", store, "--deep"]).expect(0);
    assert_eq!(happened(), all);
}

/// How long to run: `S3_TEST_SECONDS`.
pub(crate) fn seconds(usual: u64) -> Duration {
    let given = std::env::var("S3_TEST_SECONDS").ok().map(|seconds| seconds.parse().unwrap());
    Duration::from_secs(given.unwrap_or(usual))
}

#[test]
fn killed_exports_and_prunings_leave_no_manifest_with_a_missing_blob() {
    let root = tempfile::tempdir().unwrap();
    exports_and_prunings(&file_store(&root.path().join("store")), &root.path().join("caches"), seconds(12));
}
