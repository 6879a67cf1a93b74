//! Exports, imports and prunings at the same time, by a clock that jumps by hours.
//!
//! The invariants: once all have ended, no manifest names a missing blob; and a reader that has read a manifest finds
//! every blob of it for the length of the grace.

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use s3_build_cache::object::ObjectStore;
use s3_build_cache::prune::PruneOptions;
use s3_build_cache::time::Clock;
use s3_build_cache::{ErrorKind, S3Cache};

use crate::s3::merge::{export, is_sound, job};
use crate::s3::prune::Bucket;

const HOUR: Duration = Duration::from_secs(3600);
const GRACE: Duration = Duration::from_secs(26 * 3600);
const JOBS: u64 = 4;
/// How long each test runs.
const TIME: Duration = Duration::from_secs(2);

/// Pseudo-random numbers, so that all orders occur.
struct Random(AtomicU64);

impl Random {
    fn new(test: &str) -> Self {
        let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
        println!("{test}: seed {seed}");
        Self(AtomicU64::new(seed))
    }

    fn below(&self, most: u64) -> u64 {
        let mut state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (state ^ (state >> 31)) % most
    }
}

/// Prunes what is an hour old. A pruning that finds another one at work has done its part. Time may pass between the
/// plan and what follows.
fn prune(bucket: &Bucket, gate: &RwLock<()>, now: bool) {
    let options = PruneOptions::new().older_than(HOUR).grace(GRACE).now(now);
    let cache = bucket.open("");
    let planned = {
        let _guard = gate.read().unwrap();
        cache.plan_prune(&[], &options)
    };
    thread::yield_now();
    let _guard = gate.read().unwrap();
    match planned.and_then(|plan| cache.prune(plan, |_| ())) {
        Ok(pruned) => assert!(pruned.lost.is_empty(), "{:?}", pruned.lost),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{}", error.chain()),
    }
}

/// Runs `work` in threads until the time is over.
fn at_once(bucket: &Bucket, work: &[&(dyn Fn(&Bucket) + Sync)]) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let running: Vec<_> = work
            .iter()
            .map(|work| {
                let over = &over;
                scope.spawn(move || {
                    while !over.load(Ordering::SeqCst) {
                        work(bucket);
                    }
                })
            })
            .collect();
        thread::sleep(TIME);
        over.store(true, Ordering::SeqCst);
        running.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// The clock stands still during each request and jumps in between, but not by more than a build lasts: an export and a
/// pruning that are under way see at most an hour pass.
#[test]
fn exports_and_prunings_at_once_leave_no_manifest_with_a_missing_blob() {
    for (kind, bucket) in Bucket::both_for_races().into_iter().enumerate() {
        for more in ["", ",on_conflict=merge"] {
            let random = Random::new("exports and prunings");
            let exports = |bucket: &Bucket| {
                let number = random.below(JOBS) as u32;
                let name = if more.is_empty() { format!(",name=pr-{number}") } else { String::new() };
                export(&bucket.open(&format!("{name}{more}")), &job(number)).unwrap();
            };
            let gate = RwLock::default();
            let prunes = |bucket: &Bucket| prune(bucket, &gate, random.below(4) == 0);
            let removes = |bucket: &Bucket| {
                let number = random.below(JOBS);
                bucket.open("").store().delete(&format!("manifests/pr-{number}")).unwrap();
                thread::sleep(Duration::from_millis(random.below(30)));
            };
            for _ in 0..3 {
                let steps: [&(dyn Fn(&Bucket) + Sync); 4] = [&exports, &exports, &prunes, &removes];
                rounds(&bucket, &steps, &random);
                is_sound(&bucket.open(""));
            }
            println!("{kind}{more}: sound");
        }
    }
}

/// Runs each step some times at once, then moves the clock, so that blobs become due.
fn rounds(bucket: &Bucket, steps: &[&(dyn Fn(&Bucket) + Sync)], random: &Random) {
    for _ in 0..4 {
        thread::scope(|scope| {
            for step in steps {
                scope.spawn(move || (0..2).for_each(|_| step(bucket)));
            }
        });
        bucket.clock.advance(HOUR * (1 + random.below(30) as u32));
    }
}

/// A reader has read a manifest, and fetches its blobs at any time within the grace.
#[test]
fn a_reader_that_has_a_manifest_finds_its_blobs_for_the_grace() {
    for bucket in Bucket::both_for_races() {
        let random = Random::new("readers");
        let gate = RwLock::default();
        let exports = |bucket: &Bucket| {
            let number = random.below(JOBS) as u32;
            let guard = gate.read().unwrap();
            export(&bucket.open(&format!(",name=pr-{number}")), &job(number)).unwrap();
            drop(guard);
            thread::sleep(Duration::from_millis(random.below(100)));
        };
        let prunes = |bucket: &Bucket| prune(bucket, &gate, false);
        let reads = |bucket: &Bucket| read(bucket, &gate, &random);
        at_once(&bucket, &[&exports, &prunes, &prunes, &reads, &reads, &reads]);
        is_sound(&bucket.open(""));
    }
}

/// The blobs are fetched hours after the manifest. Time passes while no export and no pruning is under way, because
/// neither may last longer than an hour.
fn read(bucket: &Bucket, gate: &RwLock<()>, random: &Random) {
    let begun = bucket.clock.now();
    let cache: S3Cache = bucket.open(&format!(",name=pr-{}", random.below(JOBS)));
    let config = cache.load().unwrap();
    let guard = gate.write().unwrap();
    bucket.clock.advance(HOUR * random.below(6) as u32);
    drop(guard);
    thread::sleep(Duration::from_millis(random.below(60)));
    for (digest, _) in config.unwrap_or_default().blobs() {
        if cache.open_blob(&digest).unwrap().is_none() {
            // A request during which the clock moves gets a date from before.
            let took = bucket.clock.now().duration_since(begun).unwrap();
            assert!(took + HOUR * 6 >= GRACE, "{digest} is missing after {} min", took.as_secs() / 60);
        }
    }
}
