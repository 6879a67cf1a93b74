//! `kill -9` at random moments, and concurrent runs: they leave the old state or the new one, and the next run
//! completes it.
#![expect(clippy::print_stdout, reason = "a failed test shows its seed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use s3_build_cache::CacheConfig;

use super::caches::{
    bucket_is_sound, copy_tree, dir_is_sound, no_temporaries, objects_of, objects_of_dir, s3_store, start, write_cache,
};
use super::{file_store, run};
use crate::s3::blobs::Blobs;
use crate::s3_server::Server;

/// How often a run is killed in each test, unless the time limit is reached first.
const KILLS: u32 = 25;
const TIME: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(60);
const LARGE: usize = 6 << 20;

/// Random moments, from a seed that is printed so that a failure can be reproduced.
struct Moments(u64);

impl Moments {
    fn new(test: &str) -> Self {
        let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
        println!("{test}: seed {seed}");
        Self(seed | 1)
    }

    /// Returns a duration between zero and a little more than `whole`.
    fn next(&mut self, whole: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        whole.mul_f64((self.0 % 1100) as f64 / 1000.0)
    }
}

/// Two caches that share blobs.
struct Two {
    work: tempfile::TempDir,
    old: Blobs,
    new: Blobs,
}

impl Two {
    fn new() -> Self {
        let work = tempfile::tempdir().unwrap();
        let sizes = [100_000, 5, 70_000, 300_000, 1];
        let old = Blobs::seeded(0, &sizes);
        let shared = old.bytes.values().next().unwrap().clone();
        let new = Blobs::seeded(100, &[&sizes[..], &[LARGE, 400_000]].concat()).and(shared);
        let two = Self { work, old, new };
        write_cache(&two.old, &two.path("old"));
        write_cache(&two.new, &two.path("new"));
        two
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn configs(&self) -> [&CacheConfig; 2] {
        [&self.old.config, &self.new.config]
    }

    fn export(&self, name: &str, store: &str) -> Vec<String> {
        ["export", self.path(name).to_str().unwrap(), "--cache-to", store].map(str::to_owned).to_vec()
    }
}

fn import(dir: &Path, store: &str) -> Vec<String> {
    ["import", dir.to_str().unwrap(), "--cache-from", store].map(str::to_owned).to_vec()
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// Returns how long the run takes if it is not killed.
fn whole(arguments: &[String]) -> Duration {
    let begun = Instant::now();
    run(&words(arguments)).expect(0);
    begun.elapsed()
}

/// Kills runs that `prepare` sets up. `check` returns whether the state is the new one; `after` checks it once the same
/// run has completed. The old state must have occurred in the end.
fn kill_often(
    test: &str,
    whole: Duration,
    mut prepare: impl FnMut(u32) -> Vec<String>,
    check: impl Fn(u32) -> bool,
    after: impl Fn(u32),
) {
    let (mut moments, begun, mut seen) = (Moments::new(test), Instant::now(), [0; 2]);
    for round in 0.. {
        let arguments = prepare(round);
        let mut killed = start(&words(&arguments));
        thread::sleep(moments.next(whole));
        killed.kill();
        killed.finish(LONG);
        seen[usize::from(check(round))] += 1;
        run(&words(&arguments)).expect(0);
        assert!(check(round), "the second run did not make it whole");
        after(round);
        // On a loaded machine, the first runs may all have ended before they were killed.
        let is_enough = round + 1 >= KILLS || begun.elapsed() > TIME;
        if (is_enough && seen[0] > 0) || begun.elapsed() > LONG {
            break;
        }
    }
    println!("{test}: {} times the old state, {} times the new", seen[0], seen[1]);
    assert!(seen[0] > 0, "no run was killed before its end");
}

#[test]
fn killed_exports_to_a_directory_leave_the_old_or_the_new_state() {
    let two = Two::new();
    run(&words(&two.export("old", &file_store(&two.path("before"))))).expect(0);
    let store = |round: u32| two.path(&format!("store-{round}"));
    let prepare = |round| {
        copy_tree(&two.path("before"), &store(round));
        two.export("new", &file_store(&store(round)))
    };
    let check = |round| bucket_is_sound(&objects_of_dir(&store(round).join("trial")), &two.configs()).unwrap() == 1;
    kill_often("exports to a directory", whole(&prepare(u32::MAX)), prepare, check, |round| {
        no_temporaries(&store(round));
        fs::remove_dir_all(store(round)).unwrap();
    });
}

#[test]
fn killed_exports_to_a_server_leave_the_old_or_the_new_state() {
    let (two, server) = (Two::new(), Server::start());
    let prepare = |_| {
        for key in server.keys() {
            server.remove(&key);
        }
        two.old.put_into(&server);
        two.export("new", &s3_store(&server))
    };
    let check = |_| bucket_is_sound(&objects_of(&server), &two.configs()).unwrap() == 1;
    kill_often("exports to a server", whole(&prepare(0)), prepare, check, |_| {});
}

/// Imports from `store` into directories that in turn hold the old cache and nothing.
fn killed_imports(test: &str, two: &Two, store: &str) {
    let dir = |round: u32| two.path(&format!("restored-{round}"));
    let prepare = |round: u32| {
        if round.is_multiple_of(2) {
            copy_tree(&two.path("old"), &dir(round));
        }
        import(&dir(round), store)
    };
    let check = |round| dir_is_sound(&dir(round), &two.configs()) == Some(1);
    kill_often(test, whole(&prepare(u32::MAX)), prepare, check, |round| {
        no_temporaries(&dir(round));
        fs::remove_dir_all(dir(round)).unwrap();
    });
}

#[test]
fn killed_imports_from_a_directory_leave_the_old_or_the_new_state() {
    let two = Two::new();
    let store = file_store(&two.path("store"));
    run(&words(&two.export("new", &store))).expect(0);
    killed_imports("imports from a directory", &two, &store);
}

#[test]
fn killed_imports_from_a_server_leave_the_old_or_the_new_state() {
    let (two, server) = (Two::new(), Server::start());
    two.new.put_into(&server);
    killed_imports("imports from a server", &two, &s3_store(&server));
}

/// Runs both at once. Each succeeds, or reports that the other holds the lock.
fn at_once(one: &[String], other: &[String]) {
    let runs = [start(&words(one)), start(&words(other))];
    let ended = runs.map(|run| run.finish(LONG));
    assert!(ended.iter().any(|run| run.status == 0));
    for run in ended.iter().filter(|run| run.status != 0) {
        assert!(run.status == 1 && run.stderr.contains("locked by another process"), "{}", run.stderr);
    }
}

#[test]
fn two_imports_into_one_directory_do_not_disturb_each_other() {
    let (two, server) = (Two::new(), Server::start());
    two.new.put_into(&server);
    let store = file_store(&two.path("store"));
    run(&words(&two.export("old", &store))).expect(0);
    for round in 0..6 {
        let dir = two.path(&format!("restored-{round}"));
        at_once(&import(&dir, &s3_store(&server)), &import(&dir, &store));
        assert!(dir_is_sound(&dir, &two.configs()).is_some());
        no_temporaries(&dir);
        // Under two tags, both are kept.
        let dir = two.path(&format!("tagged-{round}"));
        let tagged = |store: &str, tag: &str| [import(&dir, store), vec!["--tag".to_owned(), tag.to_owned()]].concat();
        at_once(&tagged(&s3_store(&server), "latest"), &tagged(&store, "other"));
        assert_eq!(dir_is_sound(&dir, &two.configs()), Some(1));
        let other = s3_build_cache::LocalCache::open(&dir, "other").unwrap();
        assert!(other.load().unwrap() == two.old.config);
        no_temporaries(&dir);
    }
}

#[test]
fn two_exports_of_one_name_leave_one_of_the_caches() {
    let (two, server) = (Two::new(), Server::start());
    for round in 0..6 {
        let dir = two.path(&format!("store-{round}"));
        let store = file_store(&dir);
        at_once(&two.export("old", &store), &two.export("new", &store));
        assert!(bucket_is_sound(&objects_of_dir(&dir.join("trial")), &two.configs()).is_some());
        no_temporaries(&dir);
        at_once(&two.export("old", &s3_store(&server)), &two.export("new", &s3_store(&server)));
        assert!(bucket_is_sound(&objects_of(&server), &two.configs()).is_some());
        for key in server.keys() {
            server.remove(&key);
        }
    }
}
