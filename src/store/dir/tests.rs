use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use super::*;
use crate::base::{Cancel, Clock, Error, ErrorKind, SystemClock};
use crate::files::make_fifo;
use crate::object::BytesPayload;

/// A clock that stands still until it is moved.
struct HandClock(Mutex<SystemTime>);

impl Clock for HandClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration, _: &Cancel) {}
}

fn store(root: &Path) -> DirStore {
    DirStore::new(root, "bucket", Arc::new(SystemClock::default())).unwrap()
}

fn put(store: &DirStore, key: &str) -> Result<()> {
    store.put(key, &BytesPayload::new(key.as_bytes().to_vec()), &PutMode::Overwrite).map(drop)
}

fn keys(store: &DirStore, prefix: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut continuation = None;
    loop {
        let page = store.list_page(prefix, &ListOptions { continuation, ..ListOptions::default() }).unwrap();
        assert!(page.objects.len() <= store.page_keys);
        keys.extend(page.objects.into_iter().map(|object| object.key));
        continuation = page.continuation;
        if continuation.is_none() {
            return keys;
        }
    }
}

#[test]
fn keys_that_cannot_be_paths_are_usage_errors() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let long = "x".repeat(256);
    for key in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", "a\nb", "a\u{7f}", "a\0b", &long] {
        assert!(matches!(put(&store, key), Err(Error::Usage(_))), "{key:?}");
        assert!(matches!(store.head(key), Err(Error::Usage(_))), "{key:?}");
        assert!(matches!(store.get(key, &GetOptions::default()), Err(Error::Usage(_))), "{key:?}");
        assert!(matches!(store.delete(key), Err(Error::Usage(_))), "{key:?}");
    }
    assert!(matches!(put(&store, &["x"; 600].join("/")), Err(Error::Usage(_))));
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    for prefix in ["../", "/", "a//", "bucket/../", "./"] {
        assert_eq!(store.list_page(prefix, &ListOptions::default()).unwrap(), ListPage::default());
    }
    for bucket in ["", ".", "..", "a/b", ".s3-build-cache", "UPPER", "ab"] {
        assert!(DirStore::new(root.path(), bucket, Arc::new(SystemClock::default())).is_err(), "{bucket}");
    }
}

#[test]
fn an_object_beside_a_directory_of_its_name_is_a_conflict_naming_both() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    put(&store, "a/b/c").unwrap();
    for (key, other) in [("a", "a/b/c"), ("a/b", "a/b/c"), ("a/b/c/d/e", "a/b/c")] {
        let error = put(&store, key).unwrap_err();
        assert!(matches!(error, Error::Conflict(_)));
        assert!(error.to_string().ends_with(&format!("the key {key} cannot coexist with the key {other}")), "{error}");
        assert_eq!(store.head(key).unwrap(), None);
    }
    assert_eq!(keys(&store, ""), ["a/b/c"]);
    // Empty directories, as left by a killed write, block nothing.
    store.delete("a/b/c").unwrap();
    assert!(!store.bucket.join("a").exists());
    fs::create_dir_all(store.bucket.join("a/b/c")).unwrap();
    put(&store, "a").unwrap();
    assert_eq!(keys(&store, ""), ["a"]);
}

#[test]
fn pages_follow_each_other_in_the_order_of_the_keys() {
    let root = tempfile::tempdir().unwrap();
    let mut store = store(root.path());
    let mut all: Vec<String> = ["a", "a.b", "a-b/x", "a0", "b/c", "b/d/e", "b/d/f", "b0", "b/d.x", "c/d/e/f/g", "é/x"]
        .map(str::to_owned)
        .to_vec();
    for key in &all {
        put(&store, key).unwrap();
    }
    all.sort();
    for page_keys in 1..=all.len() + 1 {
        store.page_keys = page_keys;
        for prefix in ["", "a", "b", "b/", "b/d", "b/d/", "c/d/e", "é", "x"] {
            let expected: Vec<String> = all.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
            assert_eq!(keys(&store, prefix), expected, "{prefix} by {page_keys}");
            for after in [None, Some("a"), Some("b/"), Some("zz")] {
                let expected = expected.iter().filter(|key| after.is_none_or(|after| key.as_str() > after));
                let streamed = store.objects(prefix, after).map(|object| object.unwrap().key).collect::<Vec<_>>();
                assert!(expected.eq(&streamed), "{prefix} after {after:?}: {streamed:?}");
            }
        }
    }
}

#[test]
fn nothing_below_the_root_is_followed_and_nothing_hangs() {
    let root = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(root.path(), outside.path().join("root")).unwrap();
    // The root itself can be a symbolic link.
    let store = store(&outside.path().join("root"));
    put(&store, "real/object").unwrap();
    symlink(outside.path(), store.bucket.join("dir")).unwrap();
    symlink(outside.path().join("secret"), store.bucket.join("file")).unwrap();
    make_fifo(&store.bucket.join("fifo"));
    for key in ["dir/secret", "file", "fifo", "fifo/x"] {
        for error in [
            store.head(key).unwrap_err(),
            store.get(key, &GetOptions::default()).err().unwrap(),
            put(&store, key).unwrap_err(),
            store.delete(key).unwrap_err(),
            store.touch(key, &ObjectMeta::new(1)).unwrap_err(),
        ] {
            assert!(error.chain().contains("it is a "), "{key}: {}", error.chain());
        }
    }
    assert_eq!(keys(&store, ""), ["real/object"]);
    assert_eq!(fs::read(outside.path().join("secret")).unwrap(), b"secret");
    symlink("bucket", root.path().join("linked")).unwrap();
    let linked = DirStore::new(root.path(), "linked", Arc::new(SystemClock::default())).unwrap();
    assert!(linked.probe().unwrap_err().chain().contains("a symbolic link"));
}

#[test]
fn ages_are_measured_with_the_given_clock() {
    let root = tempfile::tempdir().unwrap();
    let clock = Arc::new(HandClock(Mutex::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))));
    let store = DirStore::new(root.path(), "bucket", clock.clone()).unwrap();
    put(&store, "key").unwrap();
    let day = Duration::from_secs(86_400);
    let age = || store.head("key").unwrap().unwrap().age.unwrap();
    assert_eq!(age(), Duration::ZERO);
    *clock.0.lock().unwrap() += day;
    assert_eq!(age(), day);
    assert_eq!(store.list_page("", &ListOptions::default()).unwrap().objects[0].meta.age, Some(day));
    store.touch("key", &ObjectMeta::new(3)).unwrap();
    assert_eq!(age(), Duration::ZERO);
    // A file with a time in the future has age zero.
    *clock.0.lock().unwrap() -= day;
    assert_eq!(age(), Duration::ZERO);
}

#[test]
fn temporaries_are_not_listed_and_leftovers_are_removed() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(".s3-build-cache");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("left"), "by a killed run").unwrap();
    let store = store(root.path());
    assert_eq!(keys(&store, ""), Vec::<String>::new());
    put(&store, "key").unwrap();
    assert!(!folder.exists());
    assert_eq!(keys(&store, ""), ["key"]);
}

#[test]
fn writers_and_deleters_do_not_disturb_each_other() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    thread::scope(|scope| {
        for writer in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..40 {
                    let key = format!("deep/{}/{writer}", round % 3);
                    put(store, &key).unwrap();
                    assert_eq!(store.head(&key).unwrap().unwrap().size, key.len() as u64);
                    store.delete(&key).unwrap();
                    store.list_page("deep/", &ListOptions::default()).unwrap();
                }
            });
        }
    });
    assert_eq!(fs::read_dir(&store.bucket).unwrap().count(), 0);
}

#[test]
fn only_regular_files_are_objects() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    put(&store, "blobs/there").unwrap();
    let blobs = root.path().join("bucket/blobs");
    make_fifo(&blobs.join("fifo"));
    symlink("there", blobs.join("link")).unwrap();
    for (name, is) in
        [("fifo", "it is a FIFO, not a regular file"), ("link", "it is a symbolic link, not a regular file")]
    {
        let key = format!("blobs/{name}");
        let errors = [store.head(&key).unwrap_err(), put(&store, &key).unwrap_err(), store.delete(&key).unwrap_err()];
        for error in errors {
            assert!(error.chain().contains(is), "{}", error.chain());
        }
        let below = put(&store, &format!("{key}/x")).unwrap_err().chain();
        assert!(below.contains("not a directory"), "{below}");
    }
}

/// Each store has its own handles, as in two processes.
#[test]
fn of_many_creators_one_wins() {
    let root = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let key = &format!("race/{round}");
        let created: usize = thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer: u8| {
                    let root = root.path();
                    scope.spawn(move || store(root).put(key, &BytesPayload::new(vec![writer]), &PutMode::Create))
                })
                .collect();
            let results = writers.into_iter().map(|writer| writer.join().unwrap());
            results.map(|result| result.map_or_else(|error| assert_unmet(&error), |_| 1)).sum()
        });
        assert_eq!(created, 1);
    }
}

fn assert_unmet(error: &Error) -> usize {
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{}", error.chain());
    0
}

fn number(store: &DirStore) -> (u64, Version) {
    let mut object = store.get("counter", &GetOptions::default()).unwrap().unwrap();
    let mut text = String::new();
    object.body.read_to_string(&mut text).unwrap();
    (text.parse().unwrap(), object.version.unwrap())
}

/// Every increment replaces the version it has read, while others touch, delete and write beside it.
#[test]
fn no_increment_of_a_counter_is_lost() {
    let root = tempfile::tempdir().unwrap();
    let text = |number: u64| BytesPayload::new(number.to_string().into_bytes());
    store(root.path()).put("counter", &text(0), &PutMode::Create).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = store(root.path());
                let mut left = 25;
                while left > 0 {
                    let (value, version) = number(&store);
                    match store.put("counter", &text(value + 1), &PutMode::Replace(version)) {
                        Ok(_) => left -= 1,
                        Err(error) => {
                            assert_unmet(&error);
                        }
                    }
                }
            });
        }
        scope.spawn(|| {
            let store = store(root.path());
            for _ in 0..50 {
                store.touch("counter", &ObjectMeta::new(1)).unwrap();
                put(&store, "beside").unwrap();
                store.delete("beside").unwrap();
            }
        });
    });
    assert_eq!(number(&store(root.path())).0, 100);
}

#[test]
fn a_touch_is_a_new_version() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    let version = store.put("key", &BytesPayload::new(vec![1]), &PutMode::Overwrite).unwrap().unwrap();
    assert_eq!(store.head("key").unwrap().unwrap().version.as_ref(), Some(&version));
    let touched = store.touch("key", &ObjectMeta::new(1)).unwrap().unwrap();
    assert_ne!(touched, version);
    assert_eq!(store.head("key").unwrap().unwrap().version, Some(touched.clone()));
    assert_unmet(&store.delete_if("key", &version).unwrap_err());
    store.delete_if("key", &touched).unwrap();
}

/// Uploads to other buckets of the same directory, other files and ids that are paths are left alone.
#[test]
fn unfinished_uploads_belong_to_one_bucket() {
    let root = tempfile::tempdir().unwrap();
    let one = store(root.path());
    let other = DirStore::new(root.path(), "other", Arc::new(SystemClock::default())).unwrap();
    let upload = other.put_in_parts("key", 1, &PutMode::Overwrite).unwrap();
    assert_eq!(one.uploads("").count(), 0);
    let listed = other.uploads("").next().unwrap().unwrap();
    one.abort_upload(&listed).unwrap();
    assert_eq!(other.uploads("").count(), 1);
    fs::write(root.path().join("note.upload"), format!("x\nother\n{}\n", listed.key)).unwrap();
    for id in ["../note.upload", "", ".", "/etc/passwd", "x.upload"] {
        other.abort_upload(&UnfinishedUpload::new("key", id)).unwrap();
    }
    assert!(root.path().join("note.upload").exists());
    assert_eq!(other.uploads("").count(), 1);
    // What a killed run has left is listed until the next write removes it.
    let folder = root.path().join(".s3-build-cache");
    fs::write(folder.join("left"), "bytes").unwrap();
    fs::write(folder.join("left.upload"), "left\nother\na/key\n").unwrap();
    let keys: Vec<String> = other.uploads("").map(|upload| upload.unwrap().key).collect();
    assert_eq!(keys, ["a/key", "key"]);
    drop(upload);
    put(&store(root.path()), "key").unwrap();
    assert_eq!(other.uploads("").count(), 0);
    assert!(!folder.exists());
}

/// A directory that is not readable to us, or an object that is a directory, is no condition that holds.
#[test]
fn a_condition_on_a_directory_does_not_hold() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    put(&store, "a/b").unwrap();
    let version = store.head("a/b").unwrap().unwrap().version.unwrap();
    for mode in [PutMode::Create, PutMode::Replace(version.clone())] {
        let error = store.put("a", &BytesPayload::new(vec![1]), &mode).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{}", error.chain());
    }
    store.delete_if("a", &version).unwrap();
    assert_eq!(keys(&store, ""), ["a/b"]);
}

/// Takes the lock of a store, as another process would.
fn locked(root: &Path) -> fs::File {
    let lock = fs::File::options().read(true).write(true).open(root.join(".s3-build-cache.lock")).unwrap();
    lock.lock().unwrap();
    lock
}

/// Otherwise, a writer would rely on a blob that it has refreshed and that is gone.
#[test]
fn a_touch_that_waits_for_a_deletion_finds_no_object() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    put(&store, "a").unwrap();
    let lock = locked(root.path());
    thread::scope(|scope| {
        let touched = scope.spawn(|| store.touch("a", &ObjectMeta::new(1)));
        thread::sleep(Duration::from_millis(100));
        fs::remove_file(root.path().join("bucket/a")).unwrap();
        lock.unlock().unwrap();
        assert_eq!(touched.join().unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    });
}

/// A lock on a directory would exclude nobody on another machine.
#[test]
fn a_conditional_write_waits_for_the_lock_file() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    put(&store, "a").unwrap();
    let lock = locked(root.path());
    thread::scope(|scope| {
        let written = scope.spawn(|| store.put("b", &BytesPayload::new(vec![1]), &PutMode::Create));
        thread::sleep(Duration::from_millis(100));
        assert!(!written.is_finished() && store.head("b").unwrap().is_none());
        lock.unlock().unwrap();
        written.join().unwrap().unwrap();
    });
    assert_eq!(keys(&store, ""), ["a", "b"]);
}
