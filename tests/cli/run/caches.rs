//! Which caches the build gets.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use super::fake::Fake;
use crate::cli::Run;
use crate::cli::caches::s3_store;
use crate::s3_server::{Failure, Fault, Match, Operation, Server};

#[test]
fn the_caches_of_a_build_are_behind_the_server() {
    let fake = Fake::new();
    let store = fake.store();
    let (to, from) = (format!("{store},mode=max,compression=zstd"), format!("--cache-from={store},name=a;b"));
    let words = ["-q", "--", "docker", "buildx", "build", "--cache-to", &to, &from, "-t", "type=s3", "."];
    let run = fake.run(&words).expect(0).says(&["warning: the command never used the cache server"]);
    assert_eq!((run.stdout.as_str(), run.stderr.lines().count()), ("", 1), "{}", run.stderr);
    assert_eq!(
        fake.arguments(),
        [
            "buildx",
            "build",
            "--cache-to",
            "type=registry,ref=SERVER/to-1,mode=max,compression=zstd",
            "--cache-from=type=registry,ref=SERVER/from-1",
            "-t",
            "type=s3",
            "."
        ]
    );
    // The dashes may be left out, and all that follows is the command's.
    fake.run(&["docker", "build", "--cache-from", &store, "--json", "--quiet", "-V", "--", "--help"]).expect(0);
    let expected =
        ["build", "--cache-from", "type=registry,ref=SERVER/from-1", "--json", "--quiet", "-V", "--", "--help"];
    assert_eq!(fake.arguments(), expected);
    fake.run(&["--", "buildctl", "build", "--import-cache", &store, "--export-cache", &store]).expect(0);
    assert_eq!(
        fake.arguments()[2..],
        ["type=registry,ref=SERVER/from-1", "--export-cache", "type=registry,ref=SERVER/to-1"]
    );
}

#[test]
fn bytes_that_are_not_utf8_reach_the_build() {
    let fake = Fake::new();
    let cache = format!("--cache-from={}", fake.store());
    let odd = OsStr::from_bytes(b"--label=\xff\xfe");
    let words = [OsStr::new("--"), OsStr::new("docker"), OsStr::new("build"), OsStr::new(&cache), odd];
    Run::of(fake.command(&words).output().unwrap()).expect(0);
    assert_eq!(fake.raw_arguments().unwrap().last().unwrap(), odd);
}

/// A look at the manifest, as BuildKit begins.
pub(super) const LOOK: &str = r#"reference=${4#*ref=}
    host=${reference%%/*}
    exec 3<>"/dev/tcp/${host%:*}/${host#*:}"
    printf 'HEAD /v2/%s/manifests/latest HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "${reference#*/}" "$host" >&3
    head -1 <&3
    echo from the build >&2
    exit 7"#;

#[test]
fn the_build_uses_the_server_until_it_ends() {
    let fake = Fake::new();
    fake.answers("act", LOOK);
    let (summary, store) = (fake.path("summary"), fake.store());
    let words = ["--summary", summary.to_str().unwrap(), "--", "docker", "buildx", "build", "--cache-from", &store];
    for (status, found, counts) in [("404", 0, "0 hits, 1 miss"), ("200", 1, "1 hit, 0 misses")] {
        let run = fake.run(&words).expect(7);
        assert!(run.stdout.starts_with(&format!("HTTP/1.1 {status} ")), "{}", run.stdout);
        assert_eq!(run.stderr, format!("from the build\ns3-build-cache: {counts} · served 0 blobs (0 B)\n"));
        let object: serde_json::Value = serde_json::from_str(&fs::read_to_string(&summary).unwrap()).unwrap();
        assert_eq!((&object["version"], &object["command"]), (&1.into(), &"run".into()));
        assert_eq!((&object["outcome"], &object["status"]), (&"finished".into(), &7.into()));
        assert_eq!((&object["requests"], &object["manifests"]["found"]), (&1.into(), &found.into()), "{object}");
        crate::cli::run(&["export", "tests/fixtures/max/local", "--cache-to", &store]).expect(0);
    }
}

#[test]
fn other_commands_get_the_caches_in_variables() {
    let fake = Fake::new();
    let store = fake.store();
    let (to, from) = (format!("{store},mode=max"), format!("{store},name=b"));
    fake.run(&["--cache-to", &to, "--cache-from", &store, "--cache-from", &from, "--", "make", "image"]).expect(0);
    assert_eq!(fake.arguments(), ["image"]);
    assert_eq!(fake.variable("S3_BUILD_CACHE_TO").unwrap(), "type=registry,ref=SERVER/to-1,mode=max");
    assert_eq!(fake.variable("S3_BUILD_CACHE_FROM").unwrap(), "type=registry,ref=SERVER/from-1");
    fake.run(&["--cache-from", &store, "--", "make"]).expect(0);
    assert_eq!(fake.variable("S3_BUILD_CACHE_TO"), None);
}

#[test]
fn a_wrong_command_line_starts_nothing() {
    let fake = Fake::new();
    let store = &*fake.store();
    let twice = format!("{store},type=s3");
    for (words, parts) in [
        (&[][..], &["run needs a command"][..]),
        (&["--"], &["run needs a command"]),
        (&["--", "make", "--cache-to", store], &["names no S3 cache", "S3_BUILD_CACHE_TO"]),
        (&["--", "docker", "build", "."], &["names no S3 cache", "--cache-to type=s3"]),
        (&["--cache-to", store, "--cache-to", store, "--", "make"], &["run takes one --cache-to"]),
        (&["--cache-to", "type=local,dest=x", "--", "make"], &["--cache-to takes an S3 cache"]),
        (&["--cache-from", store, "--", "docker", "build", "."], &["--cache-from of run", "behind the build"]),
        (&["--json", "--", "make"], &["--summary FILE"]),
        (
            &["--advertise", "x", "--cache-from", store, "--", "make"],
            &["invalid value for --advertise: x", "HOST:PORT"],
        ),
        (&["--advertise", "a_b:1", "--cache-from", store, "--", "make"], &["invalid value for --advertise"]),
        (&["--", "docker", "build", "--cache-to", "type=s3,bucket=abc,mode=x"], &["mode=x is not valid"]),
        (&["--", "docker", "build", "--cache-to", &twice], &["type is given twice"]),
        (&["--", "docker", "bake", "-f", "-"], &["standard input"]),
        (&["--dry-run", "--", "make"], &["--dry-run is an option of"]),
    ] {
        fake.run(words).expect(2).says(parts).says(&["error: ", "hint: "]);
        assert_eq!(fake.raw_arguments(), None, "{words:?}");
    }
    // What the command prints is no output of ours.
    let run = fake.run(&["--", "make", "--json"]).expect(2);
    assert!(run.stdout.is_empty(), "{}", run.stdout);
}

#[test]
fn a_cache_that_cannot_be_read_is_a_miss_and_one_that_cannot_be_written_an_error() {
    let fake = Fake::new();
    let denied = Server::start();
    for operation in [Operation::GetObject, Operation::HeadObject, Operation::ListObjects, Operation::PutObject] {
        denied.fault(
            Match::operation(operation).always(),
            Fault::Reply(Failure::new(403, "AccessDenied", "Access Denied")),
        );
    }
    let (store, denied) = (fake.store(), s3_store(&denied));
    let run = fake.run(&["--", "docker", "build", "--cache-from", &denied, "--cache-from", &store]).expect(0);
    assert!(run.stderr.contains("warning: building without the cache s3://cache/: "), "{}", run.stderr);
    assert_eq!(
        fake.arguments()[1..],
        ["--cache-from", "type=registry,ref=SERVER/from-1", "--cache-from", "type=registry,ref=SERVER/from-2"]
    );
    let summary = fake.path("summary");
    let words = ["--summary", summary.to_str().unwrap(), "--", "docker", "build", "--cache-from", &store, "--cache-to"];
    fake.run(&[&words[..], &[&denied]].concat()).expect(4).says(&["error: "]);
    assert_eq!(fake.raw_arguments(), None);
    let object: serde_json::Value = serde_json::from_str(&fs::read_to_string(summary).unwrap()).unwrap();
    assert_eq!((&object["outcome"], &object["error"]["kind"]), (&"failed".into(), &"access".into()));
    let ignored = format!("{denied},ignore-error=true");
    let run = fake.run(&["--", "docker", "build", "--cache-to", &ignored, "--cache-from", &store, "."]).expect(0);
    assert!(run.stderr.contains("warning: not writing the cache s3://cache/ (ignore-error=true)"), "{}", run.stderr);
    assert_eq!(fake.arguments(), ["build", "--cache-from", "type=registry,ref=SERVER/from-1", "."]);
    let run = fake.run(&["--cache-to", &ignored, "--", "make"]).expect(0);
    assert!(!run.stderr.contains("never used") && !run.stderr.contains("served"), "{}", run.stderr);
    assert_eq!(fake.variable("S3_BUILD_CACHE_TO").unwrap(), "");
}

#[test]
fn no_secret_is_shown_or_passed_on() {
    let fake = Fake::new();
    let secret = format!("{},access_key_id=AK,secret_access_key=MARKED,session_token=MARKED", fake.store());
    let server = Server::start();
    let remote = s3_store(&server).replace(&server.credentials().secret_access_key, "MARKED");
    for words in [
        &["-vv", "--", "docker", "build", "--cache-to", &*secret, "--cache-from", &*remote][..],
        &["-vv", "--cache-from", &remote, "--cache-to", &secret, "--", "make"],
        &["-vv", "--", "docker", "build", "--cache-to", &remote],
        &["-vv", "--", "docker", "build", "--cache-to", "type=s3,secret_access_key=MARKED,x"],
        &["-vv", "--cache-to", "type=s4,secret_access_key=MARKED", "--", "make"],
        &["-vv", "--", "make", "--secret-access-key=MARKED"],
    ] {
        let run = fake.run(words);
        assert!(!run.stderr.contains("MARKED") && !run.stdout.contains("MARKED"), "{}", run.stderr);
        let recorded: Vec<u8> = ["arguments", "environment", "calls"]
            .iter()
            .flat_map(|name| fs::read(fake.path(name)).unwrap_or_default())
            .collect();
        assert!(!recorded.windows(6).any(|bytes| bytes == b"MARKED"), "{words:?}");
    }
}
