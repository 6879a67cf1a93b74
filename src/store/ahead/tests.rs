//! Faults, slow readers and readers that leave.

use std::io::{BufRead as _, ErrorKind, Read as _};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::fake_store::{FakeStore, Fault, Hurried};
use super::{BlobRead, ReadAhead, ReadAheadSettings, VerifiedReader};
use crate::base::{Cancel, Digest};
use crate::object::ObjectStore as _;
use crate::store::Limited;

const SETTINGS: ReadAheadSettings = ReadAheadSettings {
    range_size: 40_000,
    memory: 60_000,
    chunk: 4000,
    reader: 0,
    hold_back: 3000,
    threads: usize::MAX,
};

/// A blob in a store, and the state that its readers share.
struct World {
    fake: Arc<FakeStore>,
    store: Arc<Limited>,
    ahead: ReadAhead,
    cancel: Cancel,
    bytes: Vec<u8>,
}

impl World {
    fn new(size: usize, connections: usize, settings: ReadAheadSettings, fake: FakeStore) -> Self {
        let bytes: Vec<u8> = (0..size as u64).map(|at| (at * at % 251 + at / 777) as u8).collect();
        fake.objects.lock().unwrap().insert("blob".to_owned(), (Arc::new(bytes.clone()), 1));
        let fake = Arc::new(fake);
        let store = Arc::new(Limited::new(fake.clone(), connections));
        Self { fake, store, ahead: ReadAhead::new(settings), cancel: Cancel::new(), bytes }
    }

    fn open(&self, range: Range<u64>) -> VerifiedReader {
        self.ahead.open(self.read(range))
    }

    fn read(&self, range: Range<u64>) -> BlobRead {
        BlobRead {
            store: self.store.clone(),
            clock: Arc::new(Hurried),
            cancel: self.cancel.clone(),
            key: "blob".to_owned(),
            digest: Digest::of(&self.bytes),
            size: self.bytes.len() as u64,
            range,
            abandoned: Arc::new(|| false),
        }
    }

    fn open_whole(&self) -> VerifiedReader {
        self.open(0..self.bytes.len() as u64)
    }

    fn slice(&self, range: Range<u64>) -> &[u8] {
        let end = usize::try_from(range.end).unwrap().min(self.bytes.len());
        self.bytes.get(usize::try_from(range.start).unwrap()..end).unwrap_or_default()
    }

    fn set_version(&self, version: u64) {
        self.fake.objects.lock().unwrap().get_mut("blob").unwrap().1 = version;
    }

    fn requests(&self) -> Vec<(Option<Range<u64>>, bool)> {
        std::mem::take(&mut self.fake.requests.lock().unwrap())
    }

    /// Waits until no thread runs, and checks that nothing is left over.
    fn settle(&self) {
        self.ahead.join();
        assert_eq!(self.ahead.0.threads.running(), 0);
        assert_eq!(self.fake.open.load(Ordering::SeqCst), 0, "connections are left open");
        assert_eq!(self.ahead.0.table().memory.used(), 0, "memory is left in use");
    }
}

/// Reads to the end or the first error.
fn read_all(mut reader: VerifiedReader, piece: usize) -> (Vec<u8>, Option<std::io::Error>) {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; piece]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (bytes, None),
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) => {
                assert!(reader.read(&mut buffer).is_err(), "it must not read on after an error");
                return (bytes, Some(error));
            }
        }
    }
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        2 => (0..50_000_usize).prop_map(Fault::Cut),
        1 => (0..50_000_usize).prop_map(Fault::Wrong),
        1 => Just(Fault::Refused),
    ]
}

fn settings() -> impl Strategy<Value = ReadAheadSettings> {
    (1..60_000_u64, 0..80_000_usize, 1..9000_usize, 0..9000_usize, prop_oneof![Just(0), Just(1), Just(usize::MAX)])
        .prop_map(|(range_size, memory, chunk, hold_back, threads)| ReadAheadSettings {
            range_size: range_size.max(2000),
            memory,
            chunk: chunk.max(50),
            reader: 0,
            hold_back,
            threads,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn every_read_is_right_or_fails_before_its_end(
        size in prop_oneof![0..200_usize, 0..300_000_usize],
        ranges in prop::collection::vec((0.0..1.0_f64, 0.0..1.3_f64), 1..4),
        settings in settings(),
        connections in 1..9_usize,
        faults in prop::collection::vec(fault(), 0..12),
        piece in 1..20_000_usize,
        quirk in 0..6_u8,
    ) {
        let fake = FakeStore { ignores_ranges: quirk == 1, refuses_ranges: quirk == 2, ..FakeStore::default() };
        let world = World::new(size, connections, settings, fake);
        let has_wrong = faults.iter().any(|fault| matches!(fault, Fault::Wrong(_)));
        *world.fake.faults.lock().unwrap() = faults;
        let whole = 0..size as u64;
        let part = |(start, length): (f64, f64)| {
            let start = (start * size as f64) as u64;
            start..start + (length * size as f64) as u64
        };
        for (at, range) in [whole.clone()].into_iter().chain(ranges.into_iter().map(part)).enumerate() {
            // The bytes of a verified version are trusted.
            if quirk == 3 || has_wrong {
                world.set_version(at as u64 + 5);
            }
            let right = world.slice(range.clone());
            let (bytes, error) = read_all(world.open(range.clone()), piece);
            prop_assert!(bytes.len() <= right.len());
            prop_assert!(has_wrong || bytes == right[..bytes.len()], "{range:?} differs");
            match error {
                None => prop_assert!(bytes == right, "{range:?} is wrong"),
                Some(error) if error.kind() == ErrorKind::InvalidData => {
                    prop_assert!(right.is_empty() || bytes.len() <= right.len().saturating_sub(settings.hold_back));
                }
                Some(_) => {}
            }
        }
        world.fake.faults.lock().unwrap().clear();
        let (bytes, error) = read_all(world.open(whole), piece);
        prop_assert!(error.is_none() && bytes == world.bytes, "it must be readable again: {error:?}");
        let most = world.ahead.0.table().memory.most;
        prop_assert!(most <= settings.memory + 3 * settings.chunk, "{most} bytes of {}", settings.memory);
        prop_assert!(world.fake.most_open.load(Ordering::SeqCst) <= connections);
        world.settle();
    }
}

#[test]
fn a_wrong_byte_is_never_followed_by_the_end() {
    for (at, threads) in [(0, usize::MAX), (8000, usize::MAX), (5, 0)] {
        let world = World::new(300_000, 4, ReadAheadSettings { threads, ..SETTINGS }, FakeStore::default());
        world.fake.faults.lock().unwrap().push(Fault::Wrong(at));
        let (bytes, error) = read_all(world.open_whole(), 10_000);
        assert_eq!(error.unwrap().kind(), ErrorKind::InvalidData);
        assert_eq!(bytes.len(), 297_000);
        let (bytes, error) = read_all(world.open_whole(), 10_000);
        assert!(error.is_none() && bytes == world.bytes);
        world.settle();
    }
}

#[test]
fn missing_and_changed_objects_are_reported_at_the_start() {
    let world = World::new(1000, 4, SETTINGS, FakeStore::default());
    assert!(world.open_whole().start().unwrap());
    let mut longer = world.ahead.open(BlobRead { size: 1001, ..world.read(0..1001) });
    assert!(longer.start().unwrap_err().to_string().contains("has 1000 bytes instead of 1001"));
    world.fake.objects.lock().unwrap().clear();
    assert!(!world.open_whole().start().unwrap());
    assert_eq!(world.open_whole().read(&mut [0]).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_small_blob_needs_one_request_and_no_thread() {
    let world = World::new(40_000, 4, ReadAheadSettings { memory: 100_000, ..SETTINGS }, FakeStore::default());
    let mut reader = world.open_whole();
    reader.start().unwrap();
    assert_eq!(world.ahead.0.threads.running(), 0);
    let (bytes, error) = read_all(reader, 100);
    assert!(error.is_none() && bytes == world.bytes);
    assert_eq!(world.requests(), [(None, false)]);
}

#[test]
fn a_large_blob_is_read_over_all_connections() {
    let fake = FakeStore { pause: Duration::from_millis(2), ..FakeStore::default() };
    let world = World::new(600_000, 4, ReadAheadSettings { memory: 400_000, ..SETTINGS }, fake);
    let (bytes, error) = read_all(world.open_whole(), 10_000);
    assert!(error.is_none() && bytes == world.bytes);
    assert_eq!(world.fake.most_open.load(Ordering::SeqCst), 4);
    let requests = world.requests();
    let again = requests.iter().enumerate().any(|(at, request)| requests[..at].contains(request));
    assert!(!again && requests.len() > 14, "{requests:?}");
    world.settle();
}

#[test]
fn a_client_that_resumes_continues_at_a_checkpoint() {
    const MIB: u64 = 1024 * 1024;
    let settings = ReadAheadSettings { range_size: MIB, memory: 4 << 20, chunk: 64 * 1024, ..SETTINGS };
    let world = World::new(10 << 20, 2, settings, FakeStore::default());
    let mut reader = world.open_whole();
    let mut begun = vec![0; 9 << 20];
    reader.read_exact(&mut begun).unwrap();
    drop(reader);
    world.settle();
    world.requests();
    let (rest, error) = read_all(world.open(9 * MIB..10 * MIB), 100_000);
    assert!(error.is_none() && rest == world.bytes[9 << 20..]);
    let first = world.requests().iter().filter_map(|(range, _)| range.as_ref().map(|range| range.start)).min();
    assert_eq!(first, Some(8 * MIB));
    let before = world.open(3 * MIB..10 * MIB);
    assert_eq!(read_all(before, 100_000).0, world.bytes[3 << 20..]);
    world.settle();
}

#[test]
fn a_range_of_a_verified_version_is_requested_alone() {
    let world = World::new(300_000, 4, SETTINGS, FakeStore::default());
    read_all(world.open(1000..2000), 100);
    assert_ne!(world.requests(), [(Some(1000..2000), true)]);
    let (bytes, _) = read_all(world.open(1000..2000), 100);
    assert_eq!(bytes, world.bytes[1000..2000]);
    assert_eq!(world.requests(), [(Some(1000..2000), true)]);
    world.set_version(2);
    let (bytes, error) = read_all(world.open(1000..2000), 100);
    assert!(error.is_none() && bytes == world.bytes[1000..2000]);
    let requests = world.requests();
    assert!(requests[0] == (Some(1000..2000), true) && requests.len() > 5, "{requests:?}");
    world.settle();
}

#[test]
fn a_reader_that_stops_stops_the_fetching() {
    let world = World::new(2_000_000, 8, SETTINGS, FakeStore::default());
    let mut reader = world.open_whole();
    reader.read_exact(&mut [0; 10]).unwrap();
    until("its threads give up their connections", || world.fake.open.load(Ordering::SeqCst) == 0);
    assert!(world.fake.sent.load(Ordering::SeqCst) < 100_000);
    let (rest, error) = read_all(reader, 5000);
    assert!(error.is_none() && rest == world.bytes[10..]);
    world.settle();
}

/// A client slower than the patience of the threads, while somebody else waits for the connection.
#[test]
fn a_slow_reader_costs_few_requests() {
    let world = World::new(400_000, 1, SETTINGS, FakeStore::default());
    let mut reader = world.open_whole();
    reader.start().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                world.store.probe().unwrap();
                thread::sleep(Duration::from_millis(10));
            }
        });
        let mut buffer = [0; 4000];
        for piece in world.bytes.chunks(4000) {
            reader.read_exact(&mut buffer[..piece.len()]).unwrap();
            assert!(buffer[..piece.len()] == *piece);
            thread::sleep(Duration::from_millis(15));
        }
    });
    drop(reader);
    world.settle();
    let requests = world.requests().len();
    assert!(requests < 30, "{requests} requests");
}

#[test]
fn a_dropped_reader_frees_everything() {
    let fake = FakeStore { pause: Duration::from_millis(1), ..FakeStore::default() };
    let world = World::new(2_000_000, 8, SETTINGS, fake);
    for read in [0, 1, 30_000, 200_000] {
        let mut reader = world.open_whole();
        reader.read_exact(&mut vec![0; read]).unwrap();
        drop(reader);
        world.settle();
    }
}

#[test]
fn cancellation_ends_readers_and_threads() {
    let world = World::new(2_000_000, 4, SETTINGS, FakeStore::default());
    world.fake.faults.lock().unwrap().extend([Fault::Stalled; 3]);
    let stop = world.fake.stop.clone();
    let _interrupt = world.cancel.on_cancel(move || stop.cancel());
    thread::scope(|scope| {
        let mut readers = [world.open_whole(), world.open_whole()];
        scope.spawn(move || {
            for reader in &mut readers {
                assert!(reader.read_to_end(&mut Vec::new()).is_err());
            }
        });
        thread::sleep(Duration::from_millis(20));
        world.cancel.cancel();
    });
    world.settle();
    assert!(world.open_whole().start().is_err());
}

/// Half of the readers stop while they hold all they can; the others need connections and memory.
#[test]
fn readers_that_stopped_do_not_block_the_others() {
    for (connections, memory, chunk) in [(2, 60_000, 4000), (2, 0, 4000), (1, 12_000, 4000), (2, 8000, 3999)] {
        let settings = ReadAheadSettings { memory, chunk, ..SETTINGS };
        let world = World::new(400_000, connections, settings, FakeStore::default());
        let mut stopped: Vec<_> = (0..4).map(|_| world.open_whole()).collect();
        thread::scope(|scope| {
            for (at, reader) in stopped.iter_mut().enumerate() {
                scope.spawn(move || reader.read_exact(&mut vec![0; 10 + at * 20_000]).unwrap());
            }
        });
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let (bytes, error) = read_all(world.open_whole(), 3000);
                    assert!(error.is_none() && bytes == world.bytes);
                });
            }
        });
        let most = world.ahead.0.table().memory.most;
        assert!(most <= memory.max(8 * 3 * chunk) + 3 * chunk, "{most}");
        for (at, reader) in stopped.into_iter().enumerate() {
            let (rest, error) = read_all(reader, 3000);
            assert!(error.is_none() && rest == world.bytes[10 + at * 20_000..]);
        }
        assert!(world.fake.most_open.load(Ordering::SeqCst) <= connections);
        world.settle();
    }
}

#[test]
fn a_store_without_ranges_sends_the_blob_once_or_twice() {
    for (ignores_ranges, refuses_ranges) in [(true, false), (false, true)] {
        let fake = FakeStore { ignores_ranges, refuses_ranges, ..FakeStore::default() };
        let world = World::new(500_000, 4, SETTINGS, fake);
        for _ in 0..2 {
            let (bytes, error) = read_all(world.open_whole(), 10_000);
            assert!(error.is_none() && bytes == world.bytes);
            let whole = world.requests().iter().filter(|(range, _)| range.is_none()).count();
            assert_eq!(whole, 1);
        }
        world.settle();
    }
}

#[test]
fn bytes_can_be_used_where_they_are() {
    let world = World::new(100_000, 4, SETTINGS, FakeStore::default());
    let (mut reader, mut bytes) = (world.open(7..99_990), Vec::new());
    loop {
        let more = reader.fill_buf().unwrap();
        let used = more.len().min(3001);
        bytes.extend_from_slice(&more[..used]);
        reader.consume(used);
        if used == 0 {
            break;
        }
    }
    assert!(bytes == world.bytes[7..99_990]);
    drop(reader);
    world.settle();
}
