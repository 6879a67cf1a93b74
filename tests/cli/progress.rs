//! What people see while the program works.

use std::fs;
use std::time::Duration;

use super::caches::{Running, s3_store, start_by, write_cache};
use super::trial_bucket::Bucket;
use super::{file_store, run};
use crate::s3::blobs::{Blobs, noise};
use crate::s3_server::{Fault, Match, Operation, Server};

const MIB: usize = 1 << 20;

/// Returns the lines about blobs without the digests, sorted.
fn blob_lines(stderr: &str) -> Vec<String> {
    let lines = stderr.lines().filter_map(|line| line.strip_prefix("info: blob "));
    let mut lines: Vec<String> = lines.map(|line| line.split_once(", ").unwrap().1.trim_start().to_owned()).collect();
    lines.sort();
    lines
}

#[test]
fn each_blob_is_listed_with_what_was_done_and_why() {
    let work = tempfile::tempdir().unwrap();
    let (source, restored) = (work.path().join("source"), work.path().join("restored"));
    write_cache(&Blobs::of(&[100, 200]), &source);
    let store = file_store(&work.path().join("store"));
    let export = |more: &[&str]| {
        let run = run(&[&["export", source.to_str().unwrap(), "--cache-to", &store][..], more].concat()).expect(0);
        blob_lines(&run.stderr)
    };
    let import = |more: &[&str]| {
        let run = run(&[&["import", restored.to_str().unwrap(), "--cache-from", &store][..], more].concat()).expect(0);
        blob_lines(&run.stderr)
    };
    let both = |text: &str| [format!("100 B: {text}"), format!("200 B: {text}")];
    assert_eq!(export(&["--dry-run"]), [""; 0]);
    assert_eq!(export(&["--dry-run", "-v"]), both("would be uploaded (not in the bucket)"));
    assert_eq!(export(&["-v"]), both("uploaded (not in the bucket)"));
    assert_eq!(export(&["-v"]), both("skipped (already in the bucket)"));
    assert_eq!(export(&["-v", "--verify-existing", "--dry-run"]), both("would be read back (verify_existing)"));
    let blobs: Vec<_> = fs::read_dir(work.path().join("store/trial/blobs")).unwrap().collect();
    let is_large = |path: &std::path::Path| path.metadata().unwrap().len() == 200;
    let large = blobs.into_iter().map(|blob| blob.unwrap().path()).find(|path| is_large(path)).unwrap();
    fs::write(&large, [0; 200]).unwrap();
    let lines = ["100 B: skipped (in the bucket and intact)", "200 B: uploaded (corrupt or archived in the bucket)"];
    assert_eq!(export(&["-v", "--verify-existing"]), lines);
    fs::remove_file(&large).unwrap();
    let timed = export(&["-vv"]);
    assert!(timed[1].starts_with("200 B: uploaded (not in the bucket) in ") && timed[1].contains(" ms"), "{timed:?}");

    assert_eq!(import(&["--dry-run", "-v"]), both("would be downloaded (not in the directory)"));
    assert_eq!(import(&["-v"]), both("downloaded (not in the directory)"));
    assert_eq!(import(&["-v"]), both("skipped (already in the directory)"));
    fs::write(
        restored.join("blobs/sha256").join(large.file_name().unwrap().to_str().unwrap().replace("sha256:", "")),
        [0; 200],
    )
    .unwrap();
    let lines = import(&["-v", "--verify-existing"]);
    assert!(lines.contains(&"200 B: dropped (corrupt in the directory)".to_owned()), "{lines:?}");
}

#[test]
fn old_blobs_are_touched_and_removed_ones_are_listed() {
    let (work, server) = (tempfile::tempdir().unwrap(), Server::start());
    let source = work.path().join("source");
    write_cache(&Blobs::of(&[100]), &source);
    let store = format!("{},touch_refresh=1ms", s3_store(&server));
    let export = ["export", source.to_str().unwrap(), "--cache-to", &store, "-v"];
    run(&export).expect(0);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(blob_lines(&run(&export).expect(0).stderr), ["100 B: touched (older than touch_refresh)"]);
    fs::write(source.join("blobs/sha256").join("0".repeat(64)), "left behind").unwrap();
    let collected = run(&["gc", source.to_str().unwrap(), "--dry-run", "-v"]).expect(0);
    assert_eq!(blob_lines(&collected.stderr), ["11 B: would be removed (no entry of the index reaches it)"]);
}

/// Returns the lines about manifests, sorted.
fn manifest_lines(stderr: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = stderr.lines().filter_map(|line| line.strip_prefix("info: manifest ")).collect();
    lines.sort();
    lines
}

#[test]
fn each_manifest_and_blob_that_is_checked_or_removed_is_listed() {
    let bucket = Bucket::new();
    let checked = bucket.run("verify", &["-v"], 0);
    let valid = ["main: valid (it was read and checked)", "pr-1: valid (it was read and checked)"];
    assert_eq!(manifest_lines(&checked.stderr), valid);
    let present = "200 B: present (with the right size)";
    assert_eq!(blob_lines(&checked.stderr), ["100 B: present (with the right size)", present, present]);
    assert_eq!(blob_lines(&bucket.run("verify", &[], 0).stderr), [""; 0]);
    fs::remove_file(bucket.blob(&noise(1, 100))).unwrap();
    fs::write(bucket.path("manifests/broken"), "{").unwrap();
    let checked = bucket.run("verify", &["-v", "--deep"], 5);
    let lines = manifest_lines(&checked.stderr);
    assert!(lines.len() == 3 && lines[0].starts_with("broken: unreadable ("), "{lines:?}");
    let intact = "200 B: intact (its bytes match its digest)";
    assert_eq!(blob_lines(&checked.stderr), ["100 B: missing (referenced by 2 manifests)", intact, intact]);
    let removed = run(&["rm", "-v", &format!("{},name=pr-*", bucket.store)]).expect(0);
    assert_eq!(manifest_lines(&removed.stderr), ["pr-1: removed (selected by name)"]);
    fs::remove_file(bucket.path("manifests/broken")).unwrap();
    let pruned = bucket.run("prune", &["-v", "--older-than", "0s"], 0);
    assert_eq!(manifest_lines(&pruned.stderr), ["main: dropped (selected by the rules)"]);
}

/// Runs the program on a terminal, after `inner`, or returns `None` if `script` is not installed.
#[cfg(target_os = "linux")]
fn on_a_terminal(inner: &str, arguments: &[&str]) -> Option<Running> {
    if std::process::Command::new("script").arg("-V").output().is_err() {
        println!("skipped: script is not installed");
        return None;
    }
    let console = format!("exec script -qec \"{inner} $*\" /dev/null");
    Some(start_by("sh", &["-c", &console, "sh"], arguments))
}

#[test]
#[cfg(target_os = "linux")]
fn bars_on_a_narrow_terminal_do_not_wrap_and_leave_nothing_behind() {
    let (work, server) = (tempfile::tempdir().unwrap(), Server::start());
    Blobs::of(&[MIB]).put_into(&server);
    let drip = Fault::Drip { bytes: MIB / 20, every: Duration::from_millis(300) };
    server.fault(Match::operation(Operation::GetObject).key("blobs/").always(), drip);
    let (dir, store) = (work.path().join("restored"), s3_store(&server));
    // Ctrl-C after two and a half seconds.
    let narrow = "stty cols 40 rows 24; export TERM=xterm NO_COLOR=1; p=\\$\\$; (sleep 2.5; kill -s INT \\$p) & exec";
    let arguments = ["import", dir.to_str().unwrap(), "--cache-from", &store];
    let Some(run) = on_a_terminal(narrow, &arguments) else { return };
    let run = run.finish(Duration::from_secs(20)).expect(130);
    let mut frames: Vec<&str> = run.stdout.split("\u{1b}[J").collect();
    let last = frames.pop().unwrap();
    assert!(last.starts_with("error: import: cancelled"), "{last:?}");
    let rows = frames.iter().flat_map(|frame| frame.split(['\r', '\n'])).map(|row| {
        let row = row.split_once('A').filter(|(up, _)| up.starts_with('\u{1b}')).map_or(row, |(_, row)| row);
        row.trim_end_matches("\u{1b}[K")
    });
    let rows: Vec<&str> = rows.filter(|row| !row.is_empty()).collect();
    assert!(rows.iter().all(|row| row.chars().count() <= 38), "{rows:?}");
    assert!(rows.iter().any(|row| row.starts_with("downloading  2") && row.contains("/s eta ")), "{rows:?}");
    assert!(rows.iter().any(|row| row.starts_with("  ") && row.ends_with("/1.00 MiB")), "{rows:?}");
    assert!(rows.contains(&"stopping; press again to stop at once"), "{rows:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn only_terminals_that_show_colors_get_them() {
    for (variables, start) in [
        ("TERM=xterm", "\u{1b}[1;31merror:\u{1b}[0m ls needs"),
        ("TERM=xterm NO_COLOR=1", "error: ls needs"),
        ("TERM=dumb", "error: ls needs"),
        ("TERM=", "error: ls needs"),
    ] {
        let Some(run) = on_a_terminal(&format!("NO_COLOR= {variables}"), &["ls"]) else { return };
        let run = run.finish(Duration::from_secs(20)).expect(2);
        assert!(run.stdout.starts_with(start), "{variables}: {:?}", run.stdout);
    }
}
