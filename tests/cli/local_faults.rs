//! Local faults: full disks, read-only directories, limits, and files that change during a run.
//!
//! Some tests need mounts or another user. Where these are unavailable, a test prints that it is skipped.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use s3_build_cache::Digest;

use super::caches::{bucket_is_sound, dir_is_sound, no_temporaries, objects_of, s3_store, start, write_cache};
use super::{Run, file_store, run, without_ci};
use crate::s3::blobs::Blobs;
use crate::s3_server::{Fault, Match, Operation, Recorded, Server};

const PROGRAM: &str = env!("CARGO_BIN_EXE_s3-build-cache");
const SOON: Duration = Duration::from_secs(30);

/// A cache on disk, and a store that holds the same cache.
struct Trial {
    work: tempfile::TempDir,
    blobs: Blobs,
}

impl Trial {
    fn new(sizes: &[usize]) -> Self {
        let trial = Self { work: tempfile::tempdir().unwrap(), blobs: Blobs::of(sizes) };
        write_cache(&trial.blobs, &trial.source());
        fs::set_permissions(trial.work.path(), PermissionsExt::from_mode(0o755)).unwrap();
        trial
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn source(&self) -> PathBuf {
        self.path("source")
    }

    fn store(&self) -> String {
        file_store(&self.path("store"))
    }

    fn export(&self, store: &str) -> [String; 4] {
        ["export", self.source().to_str().unwrap(), "--cache-to", store].map(str::to_owned)
    }

    fn import(&self, dir: &Path, store: &str) -> [String; 4] {
        ["import", dir.to_str().unwrap(), "--cache-from", store].map(str::to_owned)
    }

    fn exported(&self) -> String {
        let store = self.store();
        run(&self.export(&store).each_ref().map(String::as_str)).expect(0);
        store
    }
}

/// Prints a message that the test harness does not capture.
fn skipped(what: &str) {
    let text = format!("skipped: this machine cannot do {what:?}\n");
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

/// Runs the program in a shell after `before`, with `place` in `$PLACE`. `mounts` gives it a mount namespace of its
/// own; returns `None` if that is not possible here.
fn run_after(before: &str, mounts: bool, place: &Path, arguments: &[String]) -> Option<Run> {
    let script =
        format!("{before} || exit 99; \"$@\"; status=$?; find \"$PLACE\" -not -path '*/sha256*' >&2; exit $status");
    let mut command = Command::new(if mounts { "unshare" } else { "sh" });
    if mounts {
        command.args(["--mount", "sh"]);
    }
    command.args(["-c", &script, "sh", PROGRAM]).args(arguments).env("PLACE", place);
    let ended = without_ci(&mut command).stdin(Stdio::null()).output().ok().map(Run::of);
    let able = ended.filter(|run| run.status != 99 && !run.stderr.contains("unshare"));
    if able.is_none() {
        skipped(before);
    }
    able
}

/// Checks by the output of `find` that nothing is half written.
#[track_caller]
fn found_no_remains(run: &Run, place: &Path) {
    let found: Vec<&Path> = run.stderr.lines().map(Path::new).filter(|line| line.starts_with(place)).collect();
    assert!(found.contains(&place), "{}", run.stderr);
    for name in [".s3-build-cache", "index.json", "manifests"] {
        assert!(!found.iter().any(|path| path.ends_with(name)), "{name}: {}", run.stderr);
    }
}

/// Checks that each command that writes fails after `before`, reports `why`, and leaves nothing half written.
fn nothing_can_be_written(before: &str, mounts: bool, why: &[&str]) {
    let trial = Trial::new(&[3 << 20, 2 << 20, 10]);
    let server = Server::start();
    trial.blobs.put_into(&server);
    let place = trial.path("small");
    fs::create_dir(&place).unwrap();
    for arguments in [
        trial.import(&place, &trial.exported()),
        trial.import(&place, &s3_store(&server)),
        trial.export(&file_store(&place)),
    ] {
        let Some(run) = run_after(before, mounts, &place, &arguments) else { return };
        let run = run.expect(1).says(&["error: ", "cannot write"]).says(why);
        found_no_remains(&run, &place);
    }
}

#[test]
fn a_full_disk_is_reported_and_leaves_nothing_half_written() {
    let full = "mount -t tmpfs -o size=2m none \"$PLACE\"";
    nothing_can_be_written(full, true, &["No space left", "hint: the disk is full"]);
}

#[test]
fn a_file_size_limit_is_reported_and_leaves_nothing_half_written() {
    // The limit also sends SIGXFSZ, which must not kill the program.
    for before in ["ulimit -f 2048", "trap '' XFSZ && ulimit -f 2048"] {
        nothing_can_be_written(before, false, &["File too large", "hint: ", "ulimit -f"]);
    }
}

#[test]
fn a_read_only_directory_is_reported() {
    let trial = Trial::new(&[1000, 10]);
    let read_only = "mount --bind \"$PLACE\" \"$PLACE\" && mount -o remount,bind,ro \"$PLACE\"";
    // This does not affect a command that only reads.
    let store = trial.store();
    let Some(exported) = run_after(read_only, true, &trial.source(), &trial.export(&store)) else { return };
    exported.expect(0);
    let imported = trial.path("restored");
    run_after(read_only, true, &trial.path("store"), &trial.import(&imported, &store)).unwrap().expect(0);
    assert_eq!(dir_is_sound(&imported, &[&trial.blobs.config]), Some(0));

    let place = trial.path("place");
    fs::create_dir(&place).unwrap();
    for arguments in [trial.import(&place, &store), trial.export(&file_store(&place))] {
        let run = run_after(read_only, true, &place, &arguments).unwrap();
        let parts = ["error: ", place.to_str().unwrap(), "Read-only file system", "hint: the file system is mounted"];
        run.expect(1).says(&parts);
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
    }
}

#[test]
fn a_lock_that_cannot_be_taken_is_reported_before_anything_is_downloaded() {
    let trial = Trial::new(&[1000, 10]);
    let server = Server::start();
    trial.blobs.put_into(&server);
    let place = trial.path("place");
    fs::create_dir(&place).unwrap();
    symlink("elsewhere", place.join("index.json.lock")).unwrap();
    let arguments = trial.import(&place, &s3_store(&server));
    let run = run(&arguments.each_ref().map(String::as_str));
    run.expect(1).says(&["error: import: cannot use ", "index.json.lock", "a symbolic link", "hint: remove it"]);
    assert!(!server.requests().iter().any(|request| request.path.contains("/blobs/")));
    assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
}

/// Runs the program as a user who owns none of the files.
fn run_as_nobody(arguments: &[String]) -> Option<Run> {
    let become_nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--", PROGRAM];
    let run = |arguments: &[String]| {
        without_ci(&mut Command::new("setpriv")).args(become_nobody).args(arguments).output().ok()
    };
    if !run(&["--version".to_owned()]).is_some_and(|output| output.status.success()) {
        skipped("setpriv");
        return None;
    }
    run(arguments).map(Run::of)
}

#[test]
fn missing_permissions_are_reported() {
    let trial = Trial::new(&[1000, 10]);
    let store = trial.exported();
    let place = trial.path("place");
    fs::create_dir(&place).unwrap();
    // Another user's directory is read without its lock.
    let server = Server::start();
    let Some(exported) = run_as_nobody(&trial.export(&s3_store(&server))) else { return };
    exported.expect(0);
    let denied = ["error: ", "Permission denied", "hint: check its owner and its mode"];
    for arguments in
        [trial.import(&place, &store), trial.import(&trial.path("new"), &store), trial.export(&file_store(&place))]
    {
        run_as_nobody(&arguments).unwrap().expect(1).says(&denied);
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
    }
    let blob = trial.source().join("blobs/sha256").join(trial.blobs.digest().hex());
    fs::set_permissions(&blob, PermissionsExt::from_mode(0o0)).unwrap();
    let server = Server::start();
    let run = run_as_nobody(&trial.export(&s3_store(&server))).unwrap();
    run.expect(1).says(&denied).says(&[blob.to_str().unwrap()]);
    assert!(server.keys().is_empty());
}

#[test]
fn a_limit_on_open_files_is_reported_with_the_flag_that_helps() {
    let sizes: Vec<usize> = (0..80).map(|at| 100_000 + at).collect();
    let trial = Trial::new(&sizes);
    let server = Server::start();
    trial.blobs.put_into(&server);
    let empty = Server::start();
    for operation in [Operation::PutObject, Operation::GetObject] {
        for server in [&server, &empty] {
            server.fault(Match::operation(operation).always(), Fault::Delay(Duration::from_millis(100)));
        }
    }
    let place = trial.path("place");
    let jobs = ["-j", "40"].map(str::to_owned);
    for arguments in [
        trial.export(&s3_store(&empty)),
        trial.import(&place, &s3_store(&server)),
        trial.import(&place, &trial.exported()),
        trial.export(&file_store(&trial.path("other"))),
    ] {
        let arguments = [&arguments[..], &jobs].concat();
        for (limit, suffices) in [(10, false), (24, true)] {
            let begun = Instant::now();
            let before = format!("ulimit -n {limit}");
            let Some(run) = run_after(&before, false, &trial.source(), &arguments) else { return };
            assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
            if suffices {
                run.expect(0);
            } else if run.status != 0 {
                // Some runs get by with that.
                run.expect(1).says(&["error: ", "Too many open files", "ulimit -n", "--jobs"]);
            }
        }
        assert!(!place.join(".s3-build-cache").exists() && !trial.path("other/.s3-build-cache").exists());
        dir_is_sound(&place, &[&trial.blobs.config]);
        bucket_is_sound(&objects_of(&empty), &[&trial.blobs.config]);
    }
}

/// Exports a cache and changes the size of its large blob once the upload has begun. Returns what is left, or `None` if
/// the blob had been read by then.
fn changed_during_its_upload(grow: bool, more: &str) -> Option<(Run, Digest, Trial, Server)> {
    let trial = Trial::new(&[3 << 20, 500]);
    let large = *trial.blobs.bytes.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap().0;
    let path = trial.source().join("blobs/sha256").join(large.hex());
    let server = Server::start();
    // Shorter than the client waits for `100 Continue`: the blob is open, but not read yet.
    server.fault(Match::operation(Operation::PutObject).key(&large.hex()), Fault::Delay(Duration::from_millis(600)));
    let arguments = trial.export(&format!("{}{more}", s3_store(&server)));
    let export = start(&arguments.each_ref().map(String::as_str));
    let is_put = |request: &Recorded| request.method == "PUT" && request.path.contains(&large.hex());
    while !server.requests().iter().any(is_put) {
        thread::sleep(Duration::from_millis(5));
    }
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(if grow { 4 << 20 } else { 1 << 20 }).unwrap();
    let run = export.finish(SOON);
    (run.status != 0).then_some((run, large, trial, server))
}

#[test]
fn a_blob_that_changes_during_its_upload_is_detected() {
    for (grow, more) in [(false, ""), (true, ""), (false, ",verify_source=true")] {
        // On a busy machine, the blob may have been read before it was changed.
        let changed = (0..5).find_map(|_| changed_during_its_upload(grow, more));
        let (run, large, trial, server) = changed.expect("no change is ever detected");
        let what = if grow { "longer than it was" } else { "shorter than it was" };
        let key = format!("s3://cache/blobs/{large} was not sent");
        run.expect(5).says(&["error: ", &key, what, "hint: the local cache is damaged or in use"]);
        assert!(server.object(&format!("blobs/{large}")).is_none());
        assert_eq!(bucket_is_sound(&objects_of(&server), &[&trial.blobs.config]), None);
    }
}

/// The name is given to another file, but the file that was opened is sent.
#[test]
fn a_blob_that_is_replaced_during_its_upload_is_sent_as_opened() {
    let trial = Trial::new(&[3 << 20]);
    let digest = trial.blobs.digest();
    let path = trial.source().join("blobs/sha256").join(digest.hex());
    let server = Server::start();
    server.fault(Match::operation(Operation::PutObject).key("blobs/"), Fault::Delay(Duration::from_millis(600)));
    let arguments = trial.export(&s3_store(&server));
    let export = start(&arguments.each_ref().map(String::as_str));
    while !server.requests().iter().any(|request| request.operation == Operation::PutObject) {
        thread::sleep(Duration::from_millis(5));
    }
    fs::write(trial.path("other"), "something else").unwrap();
    fs::rename(trial.path("other"), &path).unwrap();
    export.finish(SOON).expect(0);
    assert_eq!(bucket_is_sound(&objects_of(&server), &[&trial.blobs.config]), Some(0));
}

#[test]
fn a_symlink_in_place_of_a_blob_is_refused() {
    let trial = Trial::new(&[1000, 10]);
    let store = trial.exported();
    let path = trial.source().join("blobs/sha256").join(trial.blobs.digest().hex());
    fs::rename(&path, trial.path("elsewhere")).unwrap();
    symlink(trial.path("elsewhere"), &path).unwrap();
    let other = file_store(&trial.path("other"));
    for arguments in [trial.export(&other), trial.import(&trial.source(), &store)] {
        let run = run(&arguments.each_ref().map(String::as_str));
        run.expect(1).says(&["error: ", path.to_str().unwrap(), "a symbolic link", "hint: remove it"]);
    }
    assert!(!trial.path("other").exists());
    no_temporaries(&trial.source());
}

#[test]
fn a_blob_that_was_corrupt_before_the_run_is_reported_as_such() {
    let trial = Trial::new(&[1000, 10]);
    let digest = trial.blobs.digest();
    let path = trial.source().join("blobs/sha256").join(digest.hex());
    let size = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    fs::write(&path, vec![b'x'; size]).unwrap();
    let server = Server::start();
    let arguments = trial.export(&format!("{},verify_source=true", s3_store(&server)));
    let run = run(&arguments.each_ref().map(String::as_str)).expect(5);
    let sentence = format!("s3://cache/blobs/{digest} was not sent: the local blob {digest} does not match its digest");
    assert!(!run.stderr.contains("changed"), "{}", run.stderr);
    run.says(&[&sentence, "hint: the local cache is damaged"]);
}

#[test]
fn the_hint_depends_on_who_uses_the_directory() {
    let trial = Trial::new(&[1000]);
    let store = trial.exported();
    let file = trial.path("file");
    fs::write(&file, "precious").unwrap();
    for arguments in [trial.import(&file, &store), trial.export(&file_store(&file))] {
        let run = run(&arguments.each_ref().map(String::as_str)).expect(1);
        assert!(!run.stderr.contains("remove"), "{}", run.stderr);
        run.says(&["it is a regular file, not a directory", "hint: name a directory"]);
    }
    fs::write(trial.source().join("index.json"), "{").unwrap();
    let import = trial.import(&trial.source(), &store);
    let parts = ["index.json is not an OCI index", "hint: remove index.json, or import into another directory"];
    run(&import.each_ref().map(String::as_str)).expect(5).says(&parts);
}
