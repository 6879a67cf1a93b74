//! A pruning and one other party on the same store, in every order of their requests with up to three changes of turn.
//!
//! The invariants: once both have ended, no manifest names a missing blob; and what a manifest names that is dropped stays
//! for the grace.

use std::time::Duration;

use s3_build_cache::inspect::Names;
use s3_build_cache::object::ObjectStore;
use s3_build_cache::prune::PruneOptions;
use s3_build_cache::{ErrorKind, S3CacheBuilder};

use crate::s3::merge::{export, found, job};
use crate::s3::prune::Bucket;
use crate::s3::turns::{ALL, Party, Step, Stepped, SteppedClock, Turns};
use Party::{Pruner, Writer};

const HOUR: Duration = Duration::from_secs(3600);
const MERGE: &str = ",on_conflict=merge";

/// Opens a cache as one of the parties.
pub(crate) type Open<'a> = &'a (dyn Fn(&str) -> S3CacheBuilder + Sync);

/// What meets a pruning.
pub(crate) struct Scenario<'a> {
    pub(crate) name: &'a str,
    /// The pruning.
    pub(crate) prune: PruneOptions,
    /// The other party.
    pub(crate) writer: &'a (dyn Fn(Open<'_>) + Sync),
    /// Checks the bucket afterwards.
    pub(crate) check: &'a dyn Fn(&Bucket),
    /// Whether every pruning that nothing disturbs deletes blobs.
    pub(crate) deletes: bool,
    /// Whether the other party prunes in the same way.
    pub(crate) both_prune: bool,
}

/// The objects of a bucket with their ages, and the time.
pub(crate) struct Snapshot {
    ahead: Duration,
    objects: Vec<(String, Vec<u8>, Duration)>,
}

impl Scenario<'_> {
    /// A pruning that meets nobody, and deletes blobs.
    pub(crate) fn new(prune: PruneOptions) -> Self {
        Self { name: "", prune, writer: &|_| (), check: &|_| (), deletes: true, both_prune: false }
    }
}

impl Snapshot {
    pub(crate) fn of(bucket: &Bucket) -> Self {
        let (store, mut objects) = (bucket.open("").store().clone(), Vec::new());
        for object in store.objects("", None) {
            let object = object.unwrap();
            let bytes = bucket.read(&object.key);
            objects.push((object.key, bytes, object.meta.age.unwrap()));
        }
        Self { ahead: bucket.clock.ahead(), objects }
    }

    fn restore(&self, on_server: bool) -> Bucket {
        let bucket = if on_server { Bucket::on_server() } else { Bucket::on(None) };
        bucket.clock.advance(self.ahead);
        self.objects.iter().for_each(|(key, bytes, age)| bucket.place(key, bytes, *age));
        bucket
    }
}

/// What happened in a race.
struct Ran {
    writer: Vec<Step>,
    pruner: Vec<Step>,
    /// The number of blobs that the pruning deleted.
    deleted: u64,
}

/// Runs both parties in this order.
fn race(scenario: &Scenario<'_>, bucket: &Bucket, order: &[(Party, usize)]) -> Ran {
    let turns = Turns::new(order, scenario.both_prune);
    let open = |party: Party, more: &str| {
        let (inner, turns) = (bucket.open("").store().clone(), turns.clone());
        let clock = SteppedClock { inner: bucket.clock.clone(), turns: turns.clone(), party };
        bucket.builder(more).store(Stepped { inner, turns, party }).clock(clock).connections(1)
    };
    let mut deleted = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ends = turns.of(Writer);
            (scenario.writer)(&|more| open(Writer, more));
        });
        let _ends = turns.of(Pruner);
        let cache = open(Pruner, "").open().unwrap();
        let planned = cache.plan_prune(&[], &scenario.prune);
        match planned.and_then(|plan| cache.prune(plan, |_| ())) {
            Ok(pruned) => deleted = pruned.deleted.blobs,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{}", error.chain()),
        }
    });
    let verification = bucket.open("").verify(&Names::all(), false).unwrap();
    let (name, trace) = (scenario.name, turns.trace());
    assert!(verification.is_clean(), "{name} {order:?}: {:?}{trace}", verification.findings);
    (scenario.check)(bucket);
    Ran { writer: turns.steps(Writer), pruner: turns.steps(Pruner), deleted }
}

/// Runs the orders: all of them in a directory. On a server, whose deletions are not conditional, those in which the pruning
/// stops right before a deletion.
pub(crate) fn all_orders(scenario: &Scenario<'_>, before: impl Fn(&Bucket)) {
    for on_server in [false, true] {
        let begun = std::time::Instant::now();
        let template = if on_server { Bucket::on_server() } else { Bucket::on(None) };
        before(&template);
        let snapshot = Snapshot::of(&template);
        let run = |order: &[(Party, usize)]| race(scenario, &snapshot.restore(on_server), order);
        let (first, last) = (run(&[(Pruner, ALL)]), run(&[(Writer, ALL)]));
        assert_eq!(first.deleted > 0, scenario.deletes, "{}", scenario.name);
        let writes = first.writer.len().max(last.writer.len());
        let deletions = (0..first.pruner.len()).filter(|at| first.pruner[*at].what == "DELETE");
        let prunes: Vec<usize> = match on_server {
            true => deletions.chain([ALL]).collect(),
            false => (1..=first.pruner.len().max(last.pruner.len())).collect(),
        };
        let mut orders = 0;
        for written in 1..=writes {
            for pruned in &prunes {
                run(&[(Pruner, *pruned), (Writer, written), (Pruner, ALL)]);
                orders += 1;
                if !scenario.both_prune {
                    run(&[(Writer, written), (Pruner, *pruned), (Writer, ALL)]);
                    orders += 1;
                }
            }
        }
        let took = begun.elapsed();
        println!("{} {on_server}: {writes} and {prunes:?} steps, {orders} orders in {took:?}", scenario.name);
    }
}

/// Two blobs that are unreferenced, recorded and due.
pub(crate) fn due(bucket: &Bucket) {
    bucket.export("pr-1", 1);
    bucket.clock.advance(HOUR * 100);
    bucket.prune("", &drops()).unwrap();
    bucket.clock.advance(HOUR * 49);
}

/// Drops manifests of the last days.
pub(crate) fn drops() -> PruneOptions {
    PruneOptions::new().older_than(HOUR * 72)
}

/// A manifest that is dropped now, with blobs that may be deleted at once.
pub(crate) fn old(name: &str) -> impl Fn(&Bucket) {
    let name = name.to_owned();
    move |bucket| {
        bucket.export(&name, 1);
        bucket.clock.advance(HOUR * 100);
    }
}

/// The writer finds blobs that are about to be deleted, and relies on them.
#[test]
fn an_export_meets_a_pruning_in_every_order() {
    for more in ["", ",on_conflict=fail", MERGE] {
        let writer =
            |open: Open<'_>| drop(export(&open(&format!("{more},name=again")).open().unwrap(), &job(1)).unwrap());
        let scenario = Scenario { name: more, writer: &writer, ..Scenario::new(PruneOptions::new()) };
        all_orders(&scenario, due);
    }
}

/// The manifest that the writer merges with is dropped, and the blobs that only it needs are deleted at once.
#[test]
fn a_merge_with_an_old_manifest_meets_a_pruning_in_every_order() {
    let writer = |open: Open<'_>| drop(export(&open(&format!("{MERGE},name=main")).open().unwrap(), &job(2)).unwrap());
    let check = |bucket: &Bucket| assert!(found(&bucket.open(",name=main")).contains(&2));
    let scenario = Scenario { name: "merge", writer: &writer, check: &check, ..Scenario::new(drops().now(true)) };
    all_orders(&scenario, old("main"));
}

/// The pruning drops the manifest that the export replaces.
#[test]
fn an_export_that_replaces_an_old_manifest_meets_a_pruning_in_every_order() {
    for more in ["", ",on_conflict=fail"] {
        let writer = |open: Open<'_>| match export(&open(&format!("{more},name=main")).open().unwrap(), &job(1)) {
            Ok(_) => {}
            Err(error) => assert!(!more.is_empty() && error.kind() == ErrorKind::Conflict, "{}", error.chain()),
        };
        let check = |bucket: &Bucket| assert!(!more.is_empty() || found(&bucket.open(",name=main")).contains(&1));
        let scenario = Scenario { name: more, writer: &writer, check: &check, ..Scenario::new(drops().now(true)) };
        all_orders(&scenario, old("main"));
    }
}

/// The copy has no other source than the blobs that are deleted.
#[test]
fn a_copy_of_an_old_manifest_meets_a_pruning_in_every_order() {
    let writer = |open: Open<'_>| {
        let (from, to) = (open(",name=pr-1").open().unwrap(), open(",name=main").open().unwrap());
        if let Err(error) = to.copy_from(&[from], false) {
            let expected = [ErrorKind::NotFound, ErrorKind::Integrity];
            assert!(expected.contains(&error.kind()), "{}", error.chain());
        }
    };
    let scenario = Scenario { name: "copy", writer: &writer, ..Scenario::new(drops().now(true)) };
    all_orders(&scenario, old("pr-1"));
}

/// A reader has read a manifest when it is dropped. Its blobs stay for the grace, although an earlier pruning had recorded
/// them before the manifest was written.
#[test]
fn a_reader_meets_a_pruning_in_every_order() {
    let writer = |open: Open<'_>| {
        let cache = open(",name=again").open().unwrap();
        for (digest, _) in cache.load().unwrap().unwrap_or_default().blobs() {
            assert!(cache.open_blob(&digest).unwrap().is_some(), "{digest}");
        }
    };
    let check = |bucket: &Bucket| {
        let options = PruneOptions::new();
        let prune = || bucket.prune("", &options).unwrap().deleted.blobs;
        bucket.clock.advance(options.grace - HOUR);
        assert_eq!(prune(), 0);
        bucket.clock.advance(HOUR * 2);
        assert_eq!((prune(), bucket.open("").load().unwrap().is_none()), (2, true));
    };
    let scenario = Scenario { name: "reader", writer: &writer, check: &check, ..Scenario::new(drops()) };
    let before = |bucket: &Bucket| {
        due(bucket);
        bucket.export("again", 1);
        bucket.clock.advance(HOUR * 73);
    };
    all_orders(&Scenario { deletes: false, ..scenario }, before);
}

/// A manifest is dropped by one of two prunings, and an earlier one had recorded its blobs, which were not refreshed since.
/// A reader may have begun with that manifest, so the blobs stay for the grace.
#[test]
fn two_prunings_meet_in_every_order() {
    let options = drops();
    let writer = |open: Open<'_>| {
        let cache = open("").open().unwrap();
        if let Err(error) = cache.plan_prune(&[], &options).and_then(|plan| cache.prune(plan, |_| ())) {
            assert_eq!(error.kind(), ErrorKind::Conflict, "{}", error.chain());
        }
    };
    let check = |bucket: &Bucket| {
        assert!(bucket.has_own_blob(1));
        bucket.prune("", &options).unwrap();
        bucket.clock.advance(options.grace + HOUR);
        bucket.prune("", &options).unwrap();
        assert!(!bucket.has_own_blob(1));
    };
    let before = |bucket: &Bucket| {
        bucket.export("pr-1", 1);
        let manifest = bucket.read("manifests/pr-1");
        bucket.open("").store().delete("manifests/pr-1").unwrap();
        bucket.clock.advance(HOUR * 100);
        bucket.prune("", &options).unwrap();
        bucket.clock.advance(HOUR * 100);
        bucket.place("manifests/pr-2", &manifest, HOUR * 99);
    };
    let scenario = Scenario { name: "prune", writer: &writer, check: &check, ..Scenario::new(drops()) };
    all_orders(&Scenario { deletes: false, both_prune: true, ..scenario }, before);
}
