use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use super::*;

pub(crate) fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn entries(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

#[test]
fn only_regular_files_open_and_nothing_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("file"), "bytes").unwrap();
    fs::create_dir(at("dir")).unwrap();
    symlink("file", at("link")).unwrap();
    make_fifo(&at("fifo"));
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    assert_eq!(read_file(&at("file"), 5).unwrap().unwrap(), b"bytes");
    assert!(read_file(&at("file"), 4).unwrap_err().to_string().contains("more than the 4 bytes"));
    assert!(read_file(&at("absent"), 4).unwrap().is_none());
    for (name, is) in [("dir", "a directory"), ("link", "a symbolic link"), ("fifo", "a FIFO"), ("socket", "a socket")]
    {
        for error in
            [open_file(&at(name)).unwrap_err(), open_or_create(&at(name), 0o600).map(|(opened, _)| opened).unwrap_err()]
        {
            assert!(error.chain().ends_with(&format!("it is {is}, not a regular file")), "{}", error.chain());
            assert!(error.hint().is_some());
        }
    }
}

#[test]
fn a_link_to_a_directory_is_not_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    assert!(create_dir(&at("dir"), 0o755).unwrap());
    assert!(!create_dir(&at("dir"), 0o755).unwrap());
    assert!(directory(&at("dir")).unwrap());
    assert!(!directory(&at("absent")).unwrap());
    fs::write(at("file"), "").unwrap();
    symlink("dir", at("link")).unwrap();
    make_fifo(&at("fifo"));
    assert_eq!(directory_place(&at("file")).unwrap(), Place::File);
    for (name, is) in [("file", "a regular file"), ("link", "a symbolic link"), ("fifo", "a FIFO")] {
        for error in [directory(&at(name)).unwrap_err(), create_dir(&at(name), 0o755).unwrap_err()] {
            assert!(error.chain().ends_with(&format!("it is {is}, not a directory")), "{}", error.chain());
        }
    }
}

#[test]
fn a_file_that_comes_and_goes_is_there_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    thread::scope(|scope| {
        let changes = scope.spawn(|| {
            for _ in 0..5000 {
                fs::write(&path, "").unwrap();
                fs::remove_file(&path).unwrap();
            }
        });
        while !changes.is_finished() {
            assert!(matches!(file_place(&path).unwrap(), Place::File | Place::Free));
        }
    });
}

#[test]
fn temporaries_are_removed_unless_renamed_and_their_folder_with_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let temps = TempFolder::new(dir.path());
    let (first, second) = (temps.create(0o644).unwrap(), temps.create(0o644).unwrap());
    first.file().write_all(b"whole").unwrap();
    first.persist(&dir.path().join("named")).unwrap();
    drop(first);
    assert_eq!(entries(dir.path()), 2);
    drop((second, temps));
    assert_eq!(entries(dir.path()), 1);
    assert_eq!(fs::read(dir.path().join("named")).unwrap(), b"whole");
}

#[test]
fn unsupported_steps_are_skipped_and_failing_ones_are_errors() {
    let calls = [Call::SetMode, Call::SetModified, Call::SetLen, Call::Sync, Call::Lock];
    for (code, is_skipped) in [(libc::EPERM, true), (libc::ENOTSUP, true), (libc::EIO, false), (libc::ENOSPC, false)] {
        let dir = tempfile::tempdir().unwrap();
        let temps = |calls: &[Call]| {
            let calls: Vec<_> = calls.iter().map(|call| (*call, code)).collect();
            TempFolder::on(Arc::new(Refusing::new(&calls)), dir.path())
        };
        assert_eq!(temps(&calls).create(0o644).is_ok(), is_skipped, "{code}");
        let temp = temps(&calls[..4]).create(0o644).unwrap();
        temp.set_mode(0o444);
        assert_eq!(temp.set_len(5).is_ok(), is_skipped, "{code}");
        assert_eq!(temp.set_modified(SystemTime::now()).is_ok(), is_skipped, "{code}");
        assert_eq!(temp.persist(&dir.path().join("named")).is_ok(), is_skipped, "{code}");
        drop(temp);
        assert_eq!(entries(dir.path()), usize::from(is_skipped), "{code}");
    }
}

#[test]
fn a_sweep_removes_abandoned_temporaries() {
    let dir = tempfile::tempdir().unwrap();
    let temps = TempFolder::new(dir.path());
    temps.sweep().unwrap();
    let held = temps.create(0o644).unwrap();
    let folder = held.path().parent().unwrap().to_owned();
    fs::write(folder.join("left"), "by a killed run").unwrap();
    symlink("/etc/passwd", folder.join("link")).unwrap();
    make_fifo(&folder.join("fifo"));
    temps.sweep().unwrap();
    assert!(held.path().exists() && !folder.join("left").exists());
    assert_eq!(entries(&folder), 3);
    fs::remove_file(folder.join("link")).unwrap();
    fs::remove_file(folder.join("fifo")).unwrap();
    drop((held, temps));
    assert_eq!(entries(dir.path()), 0);
}

#[test]
fn a_temporary_folder_that_is_a_link_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("elsewhere")).unwrap();
    symlink("elsewhere", dir.path().join(".s3-build-cache")).unwrap();
    let temps = TempFolder::new(dir.path());
    assert!(temps.sweep().unwrap_err().chain().contains("a symbolic link"));
    assert!(temps.create(0o644).unwrap_err().chain().contains("a symbolic link"));
    assert_eq!(entries(&dir.path().join("elsewhere")), 0);
}

#[test]
fn sweeps_and_writers_run_concurrently() {
    let dir = tempfile::tempdir().unwrap();
    let temps = TempFolder::new(dir.path());
    thread::scope(|scope| {
        for writer in 0..3 {
            let (temps, dir) = (&temps, dir.path());
            scope.spawn(move || {
                for file in 0..100 {
                    let temp = temps.create(0o644).unwrap();
                    temp.file().write_all(b"whole").unwrap();
                    if file % 2 == 0 {
                        temp.persist(&dir.join(format!("{writer}-{file}"))).unwrap();
                    }
                }
            });
        }
        scope.spawn(|| (0..300).for_each(|_| temps.sweep().unwrap()));
    });
    drop(temps);
    assert_eq!(entries(dir.path()), 150);
    for entry in fs::read_dir(dir.path()).unwrap() {
        assert_eq!(fs::read(entry.unwrap().path()).unwrap(), b"whole");
    }
}
