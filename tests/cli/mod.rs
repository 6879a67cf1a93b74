//! Tests of the program, run as a user runs it.

mod aws_setup;
mod bad_input;
mod buckets;
mod caches;
mod completions;
mod crash;
mod crown;
mod doctor;
mod gc;
mod github;
mod json;
pub(crate) mod kills;
mod large_configs;
mod local_faults;
mod ls;
mod memory;
mod merge;
mod progress;
mod round_trip;
mod run;
mod secrets;
mod serve;
mod signals;
mod terminal;
mod threads;
mod trial_bucket;
mod variables;
mod verify;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output};

/// A finished run.
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let stderr = text(stderr);
        assert!(!stderr.contains(": : "), "a separator twice: {stderr}");
        Self { status: status.code().unwrap_or(-1), stdout: text(stdout), stderr }
    }

    /// Panics, showing the output, unless the program ended with that status.
    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Panics unless standard error contains each of these.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in: {}", self.stderr);
        }
        self
    }

    pub(crate) fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }
}

/// Removes what the CI system that runs the tests may set for the program.
pub(crate) fn without_ci(command: &mut Command) -> &mut Command {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| name.starts_with("S3_BUILD_CACHE_") || name.starts_with("GITHUB_")) {
        command.env_remove(name);
    }
    command
}

/// Runs the program with only these environment variables, in an empty home directory.
pub(crate) fn run_with(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_s3-build-cache"))
        .args(arguments)
        .env_clear()
        // No test may ask an EC2 instance for its role.
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("HOME", home.path())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    Run::of(output)
}

pub(crate) fn run(arguments: &[&str]) -> Run {
    run_with(arguments, &[])
}

/// Returns the attributes of a directory store in `dir`.
pub(crate) fn file_store(dir: &Path) -> String {
    format!("type=s3,bucket=trial,endpoint_url=file://{}", dir.display())
}

#[test]
fn help_and_version_go_to_standard_output() {
    for arguments in [
        &["--help"][..],
        &["help"],
        &["export", "--help"],
        &["help", "import"],
        &["help", "doctor"],
        &["help", "attributes"],
        &["help", "environment"],
        &["help", "examples"],
        &["help", "exit-status"],
        &["-h"],
        &["--version"],
    ] {
        let run = run(arguments).expect(0);
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{arguments:?}: {}", run.stderr);
    }
    for (command, option) in [("export", "--cache-to"), ("import", "--cache-from")] {
        let help = run(&[command, "--help"]).stdout;
        assert!(
            help.contains(&format!("s3-build-cache {command} cache {option} \\\n    type=s3")),
            "no example: {help}"
        );
    }
}

#[test]
fn the_version_names_the_target_and_the_licenses_are_complete() {
    let version = run(&["--version"]).expect(0).stdout;
    let named = version.strip_prefix(concat!("s3-build-cache ", env!("CARGO_PKG_VERSION"), " (")).unwrap();
    assert!(named.ends_with(")\n") && named.contains(std::env::consts::ARCH), "{version}");
    let licenses = run(&["--licenses"]).expect(0).stdout;
    for part in ["ring ", "webpki-roots ", "Copyright (c) 2018 Carl Lerche", "END OF TERMS AND CONDITIONS"] {
        assert!(licenses.contains(part), "{part}");
    }
    assert_eq!(licenses.matches("Apache License\n").count(), 1, "the text of a license is repeated");
}

#[test]
fn a_wrong_command_line_is_a_usage_error_with_its_fix() {
    let s3 = "type=s3,bucket=trial,region=r";
    for (arguments, parts) in [
        (&[][..], &["no command", "--help"][..]),
        (
            &["exprot"],
            &[
                "exprot",
                "did you mean export?",
                "run, export, import, serve, doctor, ls, show, du, verify, prune, copy, rm and gc",
            ],
        ),
        (
            &["frobnicate"],
            &["the commands are run, export, import, serve, doctor, ls, show, du, verify, prune, copy, rm and gc"],
        ),
        (&["push", "x"], &["did you mean export?"]),
        (&[s3], &["name the command first"]),
        (&["export"], &["directory", "--help"]),
        (&["export", "x"], &["--cache-to", "type=s3"]),
        (&["import", "", "--cache-from", s3], &["directory argument is empty"]),
        (&["export", "x", "--cache-to", "type=s3,bucket=trial,mode=\u{1b}[31m"], &["mode=\\u{1b}[31m"]),
        (&["import", "x"], &["--cache-from", "type=s3"]),
        (&["export", "x", "--cache-from", s3], &["--cache-from", "import", "did you mean --cache-to?"]),
        (&["import", "x", "--cache-to", s3], &["--cache-to", "export", "did you mean --cache-from?"]),
        (&["export", "x", "--strict", "--cache-to", s3], &["--strict", "import"]),
        (&["export", "x", "--sync", "--cache-to", s3], &["--sync", "import"]),
        (&["export", "type=local,src=x,digest=v1", "--cache-to", s3], &["digest", "sha256:"]),
        (&["export", "x", "--write", "--cache-to", s3], &["--write", "doctor"]),
        (&["doctor"], &["attributes of a cache", "--help"]),
        (&["doctor", s3, "--dry-run"], &["--dry-run", "export, import, verify, prune, copy, rm and gc"]),
        (&["doctor", "type=local,dest=x"], &["doctor takes an S3 cache"]),
        (&["export", "x", "y", "--cache-to", s3], &["unexpected argument", "y"]),
        (&["export", "x", "--cache-to", s3, "--jobs", "65"], &["--jobs", "must be between 1 and 64"]),
        (&["export", "x", "--cache-to", s3, "--progress", "loud"], &["loud", "rawjson"]),
        (&["export", "x", "--cache-to", s3, "--nope"], &["--nope", "--help"]),
        (&["export", "x", "--cache_to", s3], &["unknown option --cache_to", "did you mean --cache-to?"]),
        (&["export", "x", "--cache", s3], &["did you mean --cache-to or --cache-from?"]),
        (&["import", "x", "--dryrun"], &["did you mean --dry-run?"]),
        (&["import", "x", "--fail"], &["did you mean --fail-on-miss?"]),
        (&["import", "x", "--verify"], &["did you mean --verify-existing?"]),
        (&["import", "x", "--threads=4"], &["did you mean --jobs?"]),
        (&["import", "x", "-json"], &["unknown option -json", "did you mean --json?"]),
        (&["import", "x", "--bucket", "b"], &["unknown option --bucket", "bucket is an attribute"]),
        (&["import", "x", "--endpoint-url=http://x"], &["endpoint_url is an attribute"]),
        (&["export", "x", s3], &["unexpected argument", "did you mean --cache-to type=s3,…?"]),
        (&["import", "x", s3], &["unexpected argument", "did you mean --cache-from type=s3,…?"]),
        (&["export", s3, "x"], &["the first argument is the local cache"]),
        (&["export", "x", "--cache-to", "type=local,dest=y"], &["--cache-to", "S3"]),
        (&["export", "type=s3,bucket=abc", "--cache-to", s3], &["local cache", "--cache-to"]),
        (&["export", "x", "--cache-to"], &["--cache-to"]),
    ] {
        run(arguments).expect(2).says(parts).says(&["error: ", "hint: "]);
    }
}

#[test]
fn the_options_of_the_command_that_run_runs_are_not_its_own() {
    for arguments in [
        &["run", "-vj", "2", "make", "-json", "--json", "--progress=rawjson"][..],
        &["run", "--jobs", "2", "--progress=rawjson", "--progress", "plain", "--", "make", "-json", "--json"],
        &["-q", "run", "--jobs=2", "make", "--", "-progress"],
    ] {
        let run = run(arguments).expect(2).says(&["error: the command names no S3 cache\nhint: "]);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    // The last one counts.
    run(&["import", "--progress=plain", "--progress=rawjson"]).expect(2).says(&["\"event\":\"error\""]);
    let json = run(&["--progress=plain", "--json", "--", "import"]).expect(2).stdout;
    assert!(json.contains("\"command\":\"import\""), "{json}");
}

/// A build that `run` runs may write between two writes.
#[test]
fn each_line_on_standard_error_is_one_write() {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_s3-build-cache"));
    program.args(["import", "x"]).env_clear().stderr(OwnedFd::from(theirs));
    assert_eq!(program.status().unwrap().code(), Some(2));
    ours.set_nonblocking(true).unwrap();
    let mut buffer = [0; 4096];
    let mut writes = Vec::new();
    while let Ok(length) = ours.recv(&mut buffer) {
        writes.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    assert!(writes.len() == 2 && writes.iter().all(|line| line.ends_with('\n')), "{writes:?}");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_printed() {
    let attributes = "type=s3,bucket=trial,region=r,access_key_id=AK,secret_access_key=MARKED";
    for arguments in [
        &[attributes][..],
        &["export", "x", attributes],
        &["import", "x", attributes],
        &["export", attributes, "x"],
        &["doctor", attributes, "MARKED"],
        &["doctor", "--cache-to", attributes, "--cache-to", attributes],
        &["doctor", "--cache-from", "type=s3,bucket=trial", attributes],
        &["export", "x", "--cache-to", attributes, "MARKED"],
        &["export", "x", "--cache-to", "type=s3,", "secret_access_key=MARKED"],
        &["export", "x", "--secret-access-key=MARKED"],
    ] {
        let run = run(arguments).expect(2);
        assert!(!run.stderr.contains("MARKED") && !run.stdout.contains("MARKED"), "{arguments:?}: {}", run.stderr);
    }
}
