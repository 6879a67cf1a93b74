mod manifests;
mod pruned;
mod store;

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use super::*;
use crate::base::{Cancel, Clock, ErrorKind, Event, Progress, SystemClock};
use crate::cache_config::CacheConfig;
use crate::config::CacheOptions;
use crate::go::Timestamp;
use crate::layout::LocalCache;
use crate::object::{BlobSource as _, BytesPayload, PutMode};
use crate::ops::export::{ExportOptions, Exported};
use crate::ops::tuning::Tuning;
use crate::store::DirStore;
use store::TestStore;

const PART: u64 = 64 * 1024;
const LONG: Duration = Duration::from_secs(60);

/// Pushes to a store in a temporary directory.
struct Setup {
    root: tempfile::TempDir,
    store: Arc<TestStore>,
    pushes: Pushes,
    cancel: Cancel,
    warnings: Arc<Mutex<Vec<String>>>,
}

struct Warnings(Arc<Mutex<Vec<String>>>);

impl Progress for Warnings {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warning(warning) = event {
            self.0.lock().unwrap().push((*warning).to_owned());
        }
    }
}

/// Does not sleep.
struct Impatient;

impl Clock for Impatient {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
    }

    fn sleep(&self, _: Duration, _: &Cancel) {}
}

fn setup(attributes: &str, has_no_parts: bool) -> Setup {
    let root = tempfile::tempdir().unwrap();
    let dir = DirStore::new(root.path(), "bucket", Arc::new(SystemClock::default())).unwrap();
    let store = Arc::new(TestStore::new(dir, has_no_parts));
    let options: CacheOptions = format!("type=s3,bucket=bucket,region=r,name=app{attributes}").parse().unwrap();
    let tuning = Tuning { split_above: 2 * PART, part_size: PART, ..Tuning::default() };
    let (cancel, warnings) = (Cancel::new(), Arc::default());
    let cache = S3Cache::builder(&options)
        .store(store.clone())
        .tuning(tuning)
        .cancel(cancel.clone())
        .clock(Impatient)
        .progress(Warnings(Arc::clone(&warnings)))
        .connections(4)
        .open()
        .unwrap();
    Setup { root, store, pushes: Pushes::new(cache, PushRooms::default(), WrongCopies::default()), cancel, warnings }
}

/// Returns bytes that are not JSON.
fn bytes(size: u64) -> Vec<u8> {
    (0..size).map(|at| u8::try_from((at * 7 + at / 251) % 251).unwrap() | 0x80).collect()
}

impl Setup {
    fn send(&self, blob: &[u8], digest: Digest) -> Result<Finished> {
        let mut upload = self.pushes.receive(digest, blob.len() as u64)?;
        blob.chunks(10_000).try_for_each(|chunk| upload.write(chunk))?;
        upload.finish()
    }

    fn push(&self, blob: &[u8]) -> Result<()> {
        match self.send(blob, Digest::of(blob))? {
            Finished::Accepted(delivery) => delivery.wait_until(Instant::now() + LONG).unwrap(),
            Finished::WrongDigest(found) => panic!("{found}"),
        }
    }

    fn stored(&self, digest: &Digest) -> Option<Vec<u8>> {
        std::fs::read(self.root.path().join(format!("bucket/blobs/{digest}"))).ok()
    }

    fn publish(&self, config: CacheConfig, names: &[&str]) -> Result<Published> {
        self.publish_by(config, names, Instant::now() + LONG)
    }

    /// Writes a manifest, at that time at the latest.
    fn publish_by(&self, config: CacheConfig, names: &[&str], write_by: Instant) -> Result<Published> {
        let (names, room) = (names.iter().map(|name| (*name).to_owned()).collect(), Budget::new(1));
        let room = room.try_take(1).unwrap();
        let manifest = Digest::of(b"the manifest");
        let publication = Publication { manifest, config, names, write_by, room };
        self.pushes.publish(publication)?.wait_until(Instant::now() + LONG).unwrap()
    }

    fn manifest(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.root.path().join("bucket/manifests").join(name)).ok()
    }

    /// Makes all blobs two days old.
    fn age(&self) {
        let old = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
        for entry in std::fs::read_dir(self.root.path().join("bucket/blobs")).unwrap() {
            File::options().write(true).open(entry.unwrap().path()).unwrap().set_modified(old).unwrap();
        }
    }

    fn is_clean(&self) -> bool {
        let temp = self.root.path().join(".s3-build-cache");
        !temp.exists() || std::fs::read_dir(temp).unwrap().count() == 0
    }
}

fn fixture(name: &str) -> (LocalCache, CacheConfig) {
    let local = LocalCache::open(Path::new("tests/fixtures").join(name).join("local"), "latest").unwrap();
    let config = local.load().unwrap();
    (local, config)
}

fn read(local: &LocalCache, digest: &Digest) -> Vec<u8> {
    let mut bytes = Vec::new();
    local.open_blob(digest).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn blobs_of_any_size_arrive() {
    for has_no_parts in [false, true] {
        let setup = setup("", has_no_parts);
        for size in [0, 1, PART, 2 * PART, 2 * PART + 1, 3 * PART, 5 * PART + 7] {
            let blob = bytes(size);
            setup.push(&blob).unwrap();
            assert_eq!(setup.stored(&Digest::of(&blob)).as_deref(), Some(blob.as_slice()), "{size} {has_no_parts}");
        }
        assert!(setup.is_clean());
    }
}

#[test]
fn a_blob_that_was_received_in_pieces_arrives() {
    let setup = setup("", false);
    for size in [1, 3 * PART + 7] {
        let (blob, mut spool) = (bytes(size), Spool::new());
        spool.write(&blob).unwrap();
        let delivery = setup.pushes.send(Digest::of(&blob), spool, (None, None)).unwrap();
        delivery.wait_until(Instant::now() + LONG).unwrap().unwrap();
        assert_eq!(setup.stored(&Digest::of(&blob)), Some(blob));
    }
}

#[test]
fn a_wrong_digest_leaves_nothing() {
    let setup = setup("", false);
    let announced = Digest::of(b"another blob");
    for size in [0, 10, 2 * PART, 7 * PART] {
        let blob = bytes(size);
        let Finished::WrongDigest(found) = setup.send(&blob, announced).unwrap() else { panic!("{size}") };
        assert_eq!(found, Digest::of(&blob));
        assert!(setup.is_clean(), "{size}");
        assert_eq!(setup.pushes.find(&announced).unwrap(), None);
    }
}

#[test]
fn a_client_that_stops_sending_leaves_nothing() {
    let setup = setup("", false);
    let blob = bytes(6 * PART);
    for sent in [1, PART, 4 * PART + 1, 6 * PART] {
        let mut upload = setup.pushes.receive(Digest::of(&blob), 6 * PART).unwrap();
        upload.write(&blob[..usize::try_from(sent).unwrap()]).unwrap();
        drop(upload);
        assert!(setup.pushes.wait_until(Instant::now() + LONG));
        assert!(setup.is_clean() && setup.stored(&Digest::of(&blob)).is_none(), "{sent}");
    }
    let upload = setup.pushes.receive(Digest::of(&blob), 6 * PART).unwrap();
    assert_eq!(upload.finish().unwrap_err().kind(), ErrorKind::Usage);
    let mut upload = setup.pushes.receive(Digest::of(&blob), 5).unwrap();
    assert_eq!(upload.write(b"123456").unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn writes_that_fail_are_repeated_and_those_that_are_refused_are_not() {
    for size in [PART, 5 * PART] {
        let setup = setup("", false);
        let blob = bytes(size);
        setup.store.failing.store(3, Ordering::SeqCst);
        setup.push(&blob).unwrap();
        assert_eq!(setup.stored(&Digest::of(&blob)).as_deref(), Some(blob.as_slice()));
        let other = bytes(size + 1);
        setup.store.for_good.store(true, Ordering::SeqCst);
        setup.store.failing.store(usize::MAX, Ordering::SeqCst);
        let error = setup.push(&other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Access, "{error}");
        assert!(setup.pushes.wait_until(Instant::now() + LONG));
        assert!(setup.is_clean() && setup.pushes.delivery(&Digest::of(&other)).is_none());
    }
}

#[test]
fn a_client_hears_of_a_failed_part_while_it_sends() {
    let setup = setup("", false);
    setup.store.for_good.store(true, Ordering::SeqCst);
    setup.store.failing.store(usize::MAX, Ordering::SeqCst);
    let blob = bytes(4 * PART);
    let mut upload = setup.pushes.receive(Digest::of(&blob), 1000 * PART).unwrap();
    let began = Instant::now();
    let error = loop {
        match upload.write(&blob[..1000]) {
            Ok(()) => assert!(began.elapsed() < LONG),
            Err(error) => break error,
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert_eq!(error.kind(), ErrorKind::Access);
}

#[test]
fn a_repeated_blob_joins_the_delivery_under_way() {
    let setup = setup("", false);
    for size in [PART, 4 * PART] {
        let blob = bytes(size);
        let digest = Digest::of(&blob);
        setup.store.hold(true);
        let Finished::Accepted(first) = setup.send(&blob, digest).unwrap() else { panic!() };
        assert!(first.wait_until(Instant::now() + Duration::from_millis(50)).is_none());
        assert!(setup.stored(&digest).is_none());
        let second = setup.pushes.delivery(&digest).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        setup.store.hold(false);
        second.wait_until(Instant::now() + LONG).unwrap().unwrap();
        assert_eq!(setup.stored(&digest), Some(blob));
        // A client that missed the answer learns the outcome.
        assert!(setup.pushes.delivery(&digest).unwrap().is_done());
        setup.store.delete(&format!("blobs/{digest}")).unwrap();
        assert_eq!(setup.pushes.find(&digest).unwrap(), None);
        assert!(setup.pushes.delivery(&digest).is_none());
    }
}

#[test]
fn the_client_waits_while_too_many_parts_are_on_their_way() {
    let mut setup = setup("", false);
    let cache = setup.pushes.cache().clone();
    let rooms = PushRooms { parts: Budget::new(3 * PART), ..PushRooms::default() };
    setup.pushes = Pushes::new(cache, rooms, WrongCopies::default());
    setup.store.hold(true);
    let blob = bytes(20 * PART);
    let written = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut upload = setup.pushes.receive(Digest::of(&blob), blob.len() as u64).unwrap();
            for chunk in blob.chunks(1024) {
                upload.write(chunk).unwrap();
                written.fetch_add(chunk.len(), Ordering::SeqCst);
            }
            let Finished::Accepted(delivery) = upload.finish().unwrap() else { panic!() };
            delivery.wait_until(Instant::now() + LONG).unwrap().unwrap();
        });
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(written.load(Ordering::SeqCst) as u64, 3 * PART);
        setup.store.hold(false);
        sending.join().unwrap();
    });
    assert_eq!(setup.stored(&Digest::of(&blob)), Some(blob));
}

#[test]
fn cancelling_ends_everything() {
    let setup = setup("", false);
    let blob = bytes(9 * PART);
    let mut upload = setup.pushes.receive(Digest::of(&blob), blob.len() as u64).unwrap();
    upload.write(&blob[..5 * usize::try_from(PART).unwrap()]).unwrap();
    setup.cancel.cancel();
    assert!(setup.pushes.wait_until(Instant::now() + Duration::from_secs(5)));
    assert!(upload.write(&blob[..100_000]).is_err());
    drop(upload);
    assert!(setup.is_clean());
}

#[test]
fn many_clients_may_push_the_same_blob() {
    let setup = setup("", false);
    let blob = bytes(6 * PART + 1);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| setup.push(&blob).unwrap());
        }
    });
    assert_eq!(setup.stored(&Digest::of(&blob)), Some(blob));
    assert!(setup.is_clean());
}
