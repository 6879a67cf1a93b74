//! Pruning a bucket, on a server and in a directory, with a clock that the tests move.

use std::fs::{self, File};
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use s3_build_cache::inspect::Names;
use s3_build_cache::object::{GetOptions, ObjectStore, PutMode};
use s3_build_cache::progress::Event;
use s3_build_cache::prune::{PruneOptions, Pruned};
use s3_build_cache::time::Clock;
use s3_build_cache::{Cancel, Digest, ErrorKind, Result, S3Cache, S3CacheBuilder};

use crate::s3::blobs::{Blobs, noise};
use crate::s3::errors::told;
use crate::s3::merge::{export, is_sound, job};
use crate::s3_server::{Config, Directory, Failure, Fault, Match, Operation, Server};

const HOUR: Duration = Duration::from_secs(3600);

/// A clock that is moved by the test and by sleeps, together with that of the server.
#[derive(Clone)]
pub(crate) struct MovedClock {
    ahead: Arc<AtomicI64>,
    pub(crate) server: Option<Arc<Server>>,
    /// How long a sleep takes at most, if it must not be too short for what others do meanwhile.
    waits: Duration,
}

impl MovedClock {
    /// Returns how far it is ahead of the true time.
    pub(crate) fn ahead(&self) -> Duration {
        Duration::from_secs(self.ahead.load(Ordering::SeqCst) as u64)
    }

    pub(crate) fn advance(&self, by: Duration) {
        let seconds = by.as_secs_f64().ceil() as i64;
        let ahead = self.ahead.fetch_add(seconds, Ordering::SeqCst) + seconds;
        if let Some(server) = &self.server {
            server.set_clock_ahead(ahead);
        }
    }
}

impl Clock for MovedClock {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(self.ahead.load(Ordering::SeqCst) as u64)
    }

    fn monotonic(&self) -> Duration {
        self.now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
    }

    fn sleep(&self, duration: Duration, _: &Cancel) {
        std::thread::sleep(duration.min(self.waits));
        self.advance(duration);
    }
}

/// A bucket on a server or in a directory.
pub(crate) struct Bucket {
    pub(crate) clock: MovedClock,
    root: tempfile::TempDir,
}

impl Bucket {
    pub(crate) fn on(server: Option<Server>) -> Self {
        let clock = MovedClock { ahead: Arc::default(), server: server.map(Arc::new), waits: Duration::ZERO };
        // In memory if possible, because every write is synced.
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self { clock, root }
    }

    /// One bucket of each kind, for several threads.
    pub(crate) fn both_for_races() -> [Self; 2] {
        let server = Server::with(Config { any_time: true, ..Config::default() });
        [Self::on(Some(server)), Self::on(None)].map(|mut bucket| {
            bucket.clock.waits = Duration::from_millis(200);
            bucket
        })
    }

    /// One bucket of each kind: on a server, also a directory bucket, and in a directory.
    pub(crate) fn of_each_kind() -> [Self; 3] {
        let directory = Server::with(Config::directory(Directory::default()));
        [Self::on(Some(Server::start())), Self::on(Some(directory)), Self::on(None)]
    }

    pub(crate) fn on_server() -> Self {
        Self::on(Some(Server::start()))
    }

    /// Stores an object without a request.
    pub(crate) fn place(&self, key: &str, bytes: &[u8], age: Duration) {
        if let Some(server) = &self.clock.server {
            server.put_object(key, bytes);
            return server.set_age(key, age);
        }
        let path = self.root.path().join("cache").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(self.clock.now() - age).unwrap();
    }

    pub(crate) fn read(&self, key: &str) -> Vec<u8> {
        let (mut bytes, store) = (Vec::new(), self.open("").store().clone());
        store.get(key, &GetOptions::default()).unwrap().unwrap().body.read_to_end(&mut bytes).unwrap();
        bytes
    }

    pub(crate) fn server(&self) -> &Server {
        self.clock.server.as_ref().unwrap()
    }

    pub(crate) fn builder(&self, more: &str) -> S3CacheBuilder {
        let builder = match &self.clock.server {
            Some(server) => crate::s3::builder(server, more),
            None => {
                let root = self.root.path().display();
                S3Cache::builder(&format!("type=s3,bucket=cache,endpoint_url=file://{root}{more}").parse().unwrap())
            }
        };
        builder.clock(self.clock.clone())
    }

    pub(crate) fn open(&self, more: &str) -> S3Cache {
        self.builder(more).open().unwrap()
    }

    pub(crate) fn export(&self, name: &str, number: u32) {
        export(&self.open(&format!(",name={name}")), &job(number)).unwrap();
    }

    pub(crate) fn prune(&self, more: &str, options: &PruneOptions) -> Result<Pruned> {
        let cache = self.open(more);
        let plan = cache.plan_prune(&[], options)?;
        cache.prune(plan, |_| ())
    }

    /// Drops all manifests because of their age, and lets the grace pass. Returns the options with which the next run
    /// deletes the blobs.
    pub(crate) fn drop_all(&self) -> PruneOptions {
        self.clock.advance(HOUR * 100);
        let options = PruneOptions::new().older_than(HOUR * 72);
        self.prune("", &options).unwrap();
        self.clock.advance(HOUR * 49);
        options
    }

    fn keys(&self) -> Vec<String> {
        let store = self.open("").store().clone();
        let mut keys: Vec<String> = store.objects("", None).map(|object| object.unwrap().key).collect();
        keys.sort();
        keys
    }

    pub(crate) fn has_own_blob(&self, number: u32) -> bool {
        self.open("").store().head(&key(number)).unwrap().is_some()
    }
}

/// Returns the key of the blob that only this job has.
pub(crate) fn key(number: u32) -> String {
    format!("blobs/{}", Digest::of(&noise(100 + number, 200)))
}

fn counts(pruned: &Pruned) -> (usize, u64, u64, u64) {
    (pruned.dropped.len(), pruned.deleted.blobs, pruned.recorded.blobs, pruned.waiting.blobs)
}

/// Begins an upload that nobody finishes.
fn begin(cache: &S3Cache, key: &str) {
    std::mem::forget(cache.store().put_in_parts(key, 1, &PutMode::Overwrite).unwrap());
}

#[test]
fn blobs_are_deleted_by_the_first_run_after_the_grace() {
    for bucket in Bucket::of_each_kind() {
        bucket.export("pr-1", 1);
        bucket.clock.advance(HOUR * 100);
        bucket.export("main", 0);
        let options = PruneOptions::new().older_than(HOUR * 72);
        assert_eq!(counts(&bucket.prune("", &options).unwrap()), (1, 0, 1, 0));
        bucket.clock.advance(HOUR * 47);
        assert_eq!(counts(&bucket.prune("", &options).unwrap()), (0, 0, 0, 1));
        assert!(bucket.has_own_blob(1));
        bucket.clock.advance(HOUR * 2);
        let pruned = bucket.prune("", &options).unwrap();
        assert_eq!((counts(&pruned), pruned.deleted.bytes), ((0, 1, 0, 0), 200));
        assert!(!bucket.has_own_blob(1));
        assert_eq!(bucket.keys().len(), 3, "{:?}", bucket.keys());
        is_sound(&bucket.open(""));
    }
}

#[test]
fn an_export_that_finds_a_recorded_blob_keeps_it() {
    for bucket in Bucket::of_each_kind() {
        bucket.export("pr-1", 1);
        bucket.clock.advance(HOUR * 100);
        let options = PruneOptions::new().older_than(HOUR * 72);
        assert_eq!(counts(&bucket.prune("", &options).unwrap()), (1, 0, 2, 0));
        bucket.clock.advance(HOUR * 49);
        // Planned before the export and applied after it.
        let cache = bucket.open("");
        let plan = cache.plan_prune(&[], &options).unwrap();
        assert_eq!(plan.deleted.blobs, 2);
        bucket.export("again", 1);
        let pruned = cache.prune(plan, |_| ()).unwrap();
        assert_eq!((counts(&pruned), pruned.spared.blobs), ((0, 0, 0, 0), 2));
        assert!(bucket.has_own_blob(1));
    }
}

/// Without its manifest: the refreshed age alone protects the blob.
#[test]
fn a_blob_that_was_refreshed_is_not_deleted() {
    for bucket in Bucket::of_each_kind() {
        bucket.export("pr-1", 1);
        let options = bucket.drop_all();
        let cache = bucket.open("");
        let plan = cache.plan_prune(&[], &options).unwrap();
        let store = cache.store();
        store.touch(&key(1), &store.head(&key(1)).unwrap().unwrap()).unwrap();
        let pruned = cache.prune(plan, |_| ()).unwrap();
        assert_eq!((pruned.deleted.blobs, pruned.spared.blobs), (1, 1));
        assert!(bucket.has_own_blob(1));
        // It waits for another grace.
        assert_eq!(counts(&bucket.prune("", &options).unwrap()), (0, 0, 1, 0));
    }
}

/// A reader may have begun with the manifest that this run drops, although an earlier run had recorded the blob.
#[test]
fn the_grace_begins_when_the_last_manifest_is_dropped() {
    for bucket in Bucket::of_each_kind() {
        bucket.export("pr-1", 1);
        bucket.export("keep", 2);
        let store = bucket.open("").store().clone();
        let manifest = s3_build_cache::object::BytesPayload::new(job(1).config.to_s3_json());
        store.delete("manifests/pr-1").unwrap();
        bucket.clock.advance(HOUR);
        assert_eq!(counts(&bucket.prune("", &PruneOptions::new()).unwrap()), (0, 0, 1, 0));
        bucket.clock.advance(HOUR * 10);
        store.put("manifests/pr-2", &manifest, &PutMode::Overwrite).unwrap();
        bucket.clock.advance(HOUR * 40);
        let options = PruneOptions::new().older_than(HOUR * 39).keep(Names::matching(["keep"]));
        assert_eq!(counts(&bucket.prune("", &options).unwrap()), (1, 0, 1, 0));
        assert!(bucket.has_own_blob(1));
    }
}

#[test]
fn now_deletes_at_once_what_is_older_than_the_grace() {
    for bucket in Bucket::of_each_kind() {
        bucket.export("pr-1", 1);
        bucket.clock.advance(HOUR * 49);
        bucket.export("young", 2);
        bucket.open("").store().delete("manifests/young").unwrap();
        let options = PruneOptions::new().older_than(HOUR).now(true);
        // The export of `young` has refreshed the blob that both share.
        assert_eq!(counts(&bucket.prune("", &options).unwrap()), (1, 1, 2, 0));
        assert!(!bucket.has_own_blob(1) && bucket.has_own_blob(2));
        let all = PruneOptions::new().grace(Duration::ZERO).now(true).force(true);
        assert_eq!(counts(&bucket.prune("", &all).unwrap()), (0, 2, 0, 0));
        assert!(bucket.keys().is_empty(), "{:?}", bucket.keys());
    }
}

#[test]
fn the_size_limit_drops_the_oldest_manifests() {
    for bucket in Bucket::of_each_kind() {
        for number in 0..5 {
            bucket.export(&format!("pr-{number}"), number);
            bucket.clock.advance(HOUR);
        }
        let limit = |bytes| PruneOptions::new().max_size(bytes);
        let names = |options: &PruneOptions, more| {
            let plan = bucket.open(more).plan_prune(&[], options).unwrap();
            plan.dropped.iter().map(|one| one.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&limit(700), ""), ["pr-0", "pr-1"]);
        assert_eq!(names(&limit(1100), ""), [""; 0]);
        assert_eq!(names(&limit(0).keep_last(3), ""), ["pr-0", "pr-1"]);
        assert_eq!(names(&limit(0).keep(Names::matching(["pr-[0-2]"])), ""), ["pr-3", "pr-4"]);
        assert_eq!(names(&limit(700), ",name=pr-3"), ["pr-3"]);
        let plan = bucket.open("").plan_prune(&[], &limit(700)).unwrap();
        assert_eq!((plan.referenced.bytes, plan.recorded.blobs, plan.total.blobs), (700, 2, 6));
    }
}

#[test]
fn nothing_is_deleted_while_a_manifest_cannot_be_read() {
    for bucket in Bucket::of_each_kind() {
        bucket.export("pr-1", 1);
        let options = bucket.drop_all();
        let (cache, damaged) = (bucket.open(""), s3_build_cache::object::BytesPayload::new(b"{".to_vec()));
        let plan = cache.plan_prune(&[], &options).unwrap();
        cache.store().put("manifests/other", &damaged, &PutMode::Overwrite).unwrap();
        for error in [cache.prune(plan, |_| ()).unwrap_err(), bucket.prune("", &options).unwrap_err()] {
            told(&error, ErrorKind::Integrity, &["manifests/other", "cannot be read", "or remove it"]);
        }
        assert!(bucket.has_own_blob(1));
    }
}

#[test]
fn an_archived_manifest_counts_as_unreadable() {
    let bucket = Bucket::on(Some(Server::start()));
    bucket.export("pr-1", 1);
    let manifest = job(1).config.to_s3_json();
    bucket.server().put_object_with("manifests/pr-1", &manifest, &[("x-amz-storage-class", "GLACIER")]);
    let error = bucket.prune("", &PruneOptions::new()).unwrap_err();
    told(&error, ErrorKind::Integrity, &["manifests/pr-1", "cannot be read"]);
}

#[test]
fn dangerous_options_need_force() {
    for bucket in Bucket::of_each_kind() {
        bucket.export("main", 1);
        let plan = |more: &str, options: &PruneOptions| bucket.open(more).plan_prune(&[], options).map(drop);
        let short = PruneOptions::new().grace(HOUR * 24);
        told(&plan("", &short).unwrap_err(), ErrorKind::Usage, &["the grace is too short", "at least 25 h"]);
        assert!(plan("", &short.clone().force(true)).is_ok() && plan(",touch_refresh=2h", &short).is_ok());
        let error = plan(",touch_refresh=100h", &PruneOptions::new()).unwrap_err();
        told(&error, ErrorKind::Usage, &["at least 101 h"]);
        for more in [",manifests_prefix=m/", ",blobs_prefix=b/"] {
            told(&plan(more, &PruneOptions::new()).unwrap_err(), ErrorKind::Usage, &["manifests_prefix", "all caches"]);
            assert!(plan(more, &PruneOptions::new().force(true)).is_ok());
        }
        let kept = PruneOptions::new().keep_last(3);
        told(&plan("", &kept).unwrap_err(), ErrorKind::Usage, &["nothing to keep"]);
    }
}

#[test]
fn caches_that_share_blobs_are_pruned_together() {
    for bucket in Bucket::of_each_kind() {
        bucket.export("a", 1);
        export(&bucket.open(",manifests_prefix=m/,name=b"), &job(2)).unwrap();
        bucket.clock.advance(HOUR * 100);
        let (first, second) = (bucket.open(",name=a"), bucket.open(",manifests_prefix=m/,name=x"));
        let options = PruneOptions::new().older_than(HOUR);
        let plan = first.plan_prune(std::slice::from_ref(&second), &options).unwrap();
        assert_eq!((plan.manifests, plan.dropped.len(), plan.recorded.blobs), (2, 1, 1));
        assert_eq!(first.prune(plan, |_| ()).unwrap().dropped, ["a"]);
        assert!(bucket.has_own_blob(2));
        let elsewhere = bucket.open(",prefix=other/");
        let error = first.plan_prune(&[elsewhere], &options).map(drop).unwrap_err();
        told(&error, ErrorKind::Usage, &["does not share its blobs"]);
    }
}

/// The prefix of one cache begins with that of another.
#[test]
fn a_manifest_below_the_prefix_of_two_caches_belongs_to_the_nearer() {
    let bucket = Bucket::on_server();
    bucket.export("main", 1);
    let team = bucket.open(",manifests_prefix=manifests/team/");
    for (number, name) in [(2, "main"), (3, "pr-1")] {
        export(&bucket.open(&format!(",manifests_prefix=manifests/team/,name={name}")), &job(number)).unwrap();
    }
    bucket.clock.advance(HOUR * 100);
    let options = PruneOptions::new().older_than(HOUR).keep(Names::matching(["main"]));
    let plan = bucket.open("").plan_prune(std::slice::from_ref(&team), &options).unwrap();
    assert_eq!((plan.manifests, plan.dropped.len()), (3, 1));
    assert_eq!(bucket.open("").prune(plan, |_| ()).unwrap().dropped, ["pr-1"]);
    // Without the attributes of the other cache, these are names like any other.
    let plan = bucket.open("").plan_prune(&[], &options).unwrap();
    assert_eq!(plan.dropped[0].name, "team/main");
}

#[test]
fn a_store_that_does_not_refresh_ages_needs_force() {
    let bucket = Bucket::on(Some(Server::with(Config { copy_keeps_age: true, ..Config::default() })));
    bucket.export("pr-1", 1);
    let options = bucket.drop_all();
    told(&bucket.prune("", &options).unwrap_err(), ErrorKind::Setup, &["does not refresh the age", "force"]);
    assert!(bucket.has_own_blob(1));
    assert_eq!(bucket.prune("", &options.force(true)).unwrap().deleted.blobs, 2);
}

/// To force the pruning would not be the fix.
#[test]
fn a_refused_trial_of_the_copy_says_nothing_about_the_store() {
    let bucket = Bucket::on_server();
    bucket.export("pr-1", 1);
    let denied = Failure::new(403, "AccessDenied", "Access Denied");
    bucket.server().fault(Match::operation(Operation::CopyObject).key("unreferenced").always(), Fault::Reply(denied));
    let error = bucket.prune("", &bucket.drop_all()).unwrap_err();
    told(&error, ErrorKind::Access, &["CopyObject", ".s3-build-cache/unreferenced"]);
    assert!(bucket.has_own_blob(1));
}

/// The answer to the deletion may be lost, and another writer may refresh the blob before the next attempt.
#[test]
fn no_deletion_is_sent_without_a_look_right_before_it() {
    let bucket = Bucket::on(Some(Server::start()));
    for number in 0..5 {
        bucket.export(&format!("pr-{number}"), number);
    }
    let options = bucket.drop_all();
    bucket.server().take_requests();
    let delete = || Match::operation(Operation::DeleteObject);
    bucket.server().fault(delete().times(2), Fault::internal_error());
    bucket.server().fault(delete(), Fault::ReplyAfter(Failure::new(500, "InternalError", "lost")));
    let pruned = bucket.prune("", &options).unwrap();
    assert_eq!((pruned.deleted.blobs, bucket.server().pending_faults()), (6, 0));
    let mut looked = std::collections::BTreeSet::new();
    let mut deletions = 0;
    for request in bucket.server().take_requests() {
        match request.method.as_str() {
            "HEAD" => drop(looked.insert(request.path.clone())),
            "DELETE" => {
                deletions += 1;
                assert!(looked.remove(&request.path), "{} was deleted without a look", request.path);
            }
            _ => {}
        }
    }
    assert!(deletions >= 8, "{deletions}");
}

#[test]
fn other_objects_are_left_alone() {
    let bucket = Bucket::on(Some(Server::start()));
    let digest = Digest::of(b"x");
    let others = ["blobs/", "blobs/x", "blobs/sha256:abc", &format!("blobs/{digest}.tmp"), "blobs/dir/", "else"];
    for key in others {
        bucket.server().put_object(key, b"");
    }
    bucket.server().put_object(&format!("blobs/{digest}"), b"x");
    bucket.clock.advance(HOUR * 100);
    let all = PruneOptions::new().now(true);
    assert_eq!(bucket.prune("", &all).unwrap().deleted.blobs, 1);
    assert_eq!(bucket.keys().len(), others.len(), "{:?}", bucket.keys());
}

#[test]
fn old_uploads_are_aborted() {
    let bucket = Bucket::on(Some(Server::start()));
    let cache = bucket.open("");
    begin(&cache, &key(1));
    begin(&cache, "elsewhere/x");
    bucket.clock.advance(HOUR * 49);
    begin(&cache, &key(2));
    let plan = cache.plan_prune(&[], &PruneOptions::new()).unwrap();
    assert_eq!((plan.uploads, bucket.server().uploads().len()), (1, 3));
    assert_eq!(cache.prune(plan, |_| ()).unwrap().uploads, 1);
    let left: Vec<String> = bucket.server().uploads().into_iter().map(|(key, _)| key).collect();
    assert!(left.len() == 2 && !left.contains(&key(1)), "{left:?}");
}

#[test]
fn a_manifest_that_was_written_again_is_kept() {
    for bucket in Bucket::of_each_kind() {
        bucket.export("pr-1", 1);
        bucket.clock.advance(HOUR * 100);
        let cache = bucket.open("");
        let plan = cache.plan_prune(&[], &PruneOptions::new().older_than(HOUR)).unwrap();
        assert_eq!(plan.dropped.len(), 1);
        // The same bytes, so that an entity tag does not change.
        bucket.export("pr-1", 1);
        let pruned = cache.prune(plan, |_| ()).unwrap();
        assert_eq!((pruned.kept.len(), pruned.dropped.len(), pruned.recorded.blobs), (1, 0, 0));
        is_sound(&bucket.open(""));
    }
}

/// The pruning looks at the blob, the export refreshes it, the pruning deletes it, and the export writes its manifest.
#[test]
fn an_export_uploads_again_what_vanished_meanwhile() {
    for more in ["", ",on_conflict=merge", ",on_conflict=fail"] {
        let bucket = Bucket::on(Some(Server::start()));
        bucket.export("buildkit", 1);
        bucket.export("other", 2);
        bucket.clock.advance(HOUR * 30);
        let server = bucket.clock.server.clone().unwrap();
        let progress = move |event: &Event<'_>| {
            use s3_build_cache::progress::Action;
            if matches!(event, Event::Finished { action: Action::Touch, total: 200, .. }) {
                server.remove(&key(1));
            }
        };
        let cache = bucket.builder(more).progress(progress).open().unwrap();
        let report = export(&cache, &job(1)).unwrap();
        assert_eq!((report.blobs.transferred, report.blobs.present, report.names.len()), (1, 1, 1), "{more}");
        assert!(bucket.open(",name=buildkit").verify(&Names::all(), true).unwrap().is_clean(), "{more}");
    }
}

/// The blobs of other exports cannot be uploaded again, so the manifest is merged again without them.
#[test]
fn a_merge_drops_what_vanished_meanwhile() {
    const MERGE: &str = ",on_conflict=merge";
    let bucket = Bucket::on(Some(Server::start()));
    export(&bucket.open(MERGE), &job(1)).unwrap();
    bucket.clock.advance(HOUR * 30);
    let server = bucket.clock.server.clone().unwrap();
    let progress = move |event: &Event<'_>| {
        use s3_build_cache::progress::Action;
        if matches!(event, Event::Finished { action: Action::Touch, digest, .. } if key(1).ends_with(&digest.hex())) {
            server.remove(&key(1));
        }
    };
    let report = export(&bucket.builder(MERGE).progress(progress).open().unwrap(), &job(2)).unwrap();
    assert_eq!((report.merged.len(), report.merged[0].lost_blobs), (1, 1));
    is_sound(&bucket.open(""));
}

/// A blob that was uploaded in parts, so that the export also looks for uploads that were abandoned.
#[test]
fn an_export_aborts_uploads_of_the_day_before() {
    let bucket = Bucket::on(Some(crate::s3::blobs::server()));
    let cache = bucket.builder("").tuning(crate::s3::blobs::small_parts()).open().unwrap();
    begin(&cache, &key(1));
    bucket.clock.advance(HOUR * 25);
    begin(&cache, &key(2));
    export(&cache, &Blobs::of(&[10])).unwrap();
    assert_eq!(bucket.server().uploads().len(), 2);
    export(&cache, &Blobs::of(&[200_000])).unwrap();
    assert_eq!(bucket.server().uploads().len(), 1);
    assert_eq!(bucket.server().uploads()[0].0, key(2));
}
