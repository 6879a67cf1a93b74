//! The command's status, its signals and its end.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::fake::{Fake, appears};
use crate::cli::Run;

fn words(store: &str) -> Vec<&str> {
    vec!["-q", "--", "docker", "build", "--cache-from", store]
}

#[test]
fn the_status_is_that_of_the_command() {
    let fake = Fake::new();
    let store = fake.store();
    for (act, status) in [
        ("exit 0", 0),
        ("exit 1", 1),
        ("exit 125", 125),
        ("exit 255", 255),
        ("kill -KILL $$", 137),
        ("kill -TERM $$", 143),
    ] {
        fake.answers("act", act);
        fake.run(&words(&store)).expect(status);
    }
}

#[test]
fn a_command_that_cannot_be_started_has_the_status_that_a_shell_gives() {
    let fake = Fake::new();
    let store = fake.store();
    let summary = fake.path("summary");
    let option = ["--summary", summary.to_str().unwrap(), "--cache-from", &store, "--"];
    let run = |program: &str| fake.run(&[&option[..], &[program]].concat());
    run("no-such-program").expect(127).says(&["error: cannot start no-such-program"]);
    let object: serde_json::Value = serde_json::from_str(&fs::read_to_string(&summary).unwrap()).unwrap();
    assert_eq!((&object["outcome"], &object["status"]), (&"failed".into(), &127.into()));
    fs::write(fake.path("plain"), "").unwrap();
    run(fake.path("plain").to_str().unwrap()).expect(126).says(&["error: cannot start "]);
    fs::remove_file(fake.path("docker")).unwrap();
    for words in [&["docker", "build", "--cache-from", &*store][..], &["docker", "buildx", "bake"]] {
        let mut command = fake.command(words);
        let run = Run::of(command.env("PATH", fake.dir.path()).output().unwrap());
        run.expect(127).says(&["error: cannot start docker"]);
    }
}

/// A build may fail before it comes to its caches.
#[test]
fn a_command_that_fails_does_not_blame_the_builder() {
    let fake = Fake::new();
    let store = fake.store();
    for (act, status, warns) in [("exit 0", 0, true), ("exit 3", 3, false), ("kill -TERM $$", 143, false)] {
        fake.answers("act", act);
        let run = fake.run(&words(&store)).expect(status);
        assert_eq!(run.stderr.contains("never used the cache server"), warns, "{act}: {}", run.stderr);
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(status.success());
}

/// Waits for the end, for some seconds.
fn status_of(mut child: Child) -> (Option<i32>, String) {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            return (status.code(), stderr);
        }
        if start.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_reaches_the_command_and_the_program_outlives_it() {
    let fake = Fake::new();
    let store = fake.store();
    for name in ["INT", "TERM", "QUIT"] {
        let (ready, seen) = (fake.path("ready"), fake.path("seen"));
        // It takes its time, and more than one signal.
        fake.answers(
            "act",
            &format!("trap 'echo {name} >>$FAKE/seen' {name}; touch $FAKE/ready; for i in {{1..300}}; do sleep 0.02; [[ $(wc -l 2>/dev/null <$FAKE/seen) == 2 ]] && sleep 0.3 && exit 9; done"),
        );
        let child = fake.start(&words(&store));
        assert!(appears(&ready));
        signal(&child, name);
        assert!(appears(&seen));
        std::thread::sleep(Duration::from_millis(100));
        signal(&child, name);
        let (status, stderr) = status_of(child);
        assert_eq!(status, Some(9), "{name}: {stderr}");
        fs::remove_file(ready).unwrap();
        fs::remove_file(seen).unwrap();
    }
    fake.answers("act", "touch $FAKE/ready; exec sleep 20");
    let child = fake.start(&words(&store));
    assert!(appears(&fake.path("ready")));
    signal(&child, "TERM");
    assert_eq!(status_of(child).0, Some(143));
}

#[test]
fn a_signal_before_the_command_ends_the_program() {
    let fake = Fake::new();
    fs::remove_file(fake.path("info")).unwrap();
    let made = Command::new("mkfifo").arg(fake.path("info")).status().unwrap();
    assert!(made.success());
    let child = fake.start(&words(&fake.store()));
    assert!(appears(&fake.path("calls")));
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "TERM");
    assert_eq!(status_of(child).0, Some(143));
    assert_eq!(fake.raw_arguments(), None);
    // The question that was under way ends too.
    drop(fs::OpenOptions::new().write(true).open(fake.path("info")));
}

#[test]
fn a_key_of_the_terminal_reaches_the_command_once() {
    let fake = Fake::new();
    // A shell takes two signals in a row for one.
    fake.answers(
        "act",
        r#"exec perl -e '
        sub put { open F, ">>", "$ENV{FAKE}/$_[0]"; print F $_[1]; close F }
        $SIG{INT} = sub { put("seen", "INT\n") };
        put("ready", "");
        select(undef, undef, undef, 0.05) until -e "$ENV{FAKE}/seen";
        my $end = time + 2;
        select(undef, undef, undef, 0.1) until time >= $end;
        exit 9'"#,
    );
    // A terminal of its own.
    let store = fake.store();
    let words = [&[env!("CARGO_BIN_EXE_s3-build-cache"), "run"], &words(&store)[..]].concat();
    let line = words.iter().map(|word| format!(" '{word}'")).collect::<String>();
    let mut command = fake.command(&[""; 0]);
    let environment: Vec<_> =
        command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &format!("exec{line}"), "/dev/null"]);
    command.env_clear().envs(environment).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let has_perl = Command::new("perl").arg("-v").output().is_ok();
    let Some(mut child) = command.spawn().ok().filter(|_| has_perl) else {
        println!("skipped: script or perl is not installed");
        return;
    };
    assert!(appears(&fake.path("ready")));
    child.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    let (status, stderr) = status_of(child);
    assert_eq!(status, Some(9), "{stderr}");
    assert_eq!(fs::read_to_string(fake.path("seen")).unwrap(), "INT\n");
}
