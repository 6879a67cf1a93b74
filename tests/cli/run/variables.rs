//! `run` and the variables of this program, and those of GitHub Actions.

use std::fs;

use super::fake::{Fake, without_server};
use crate::cli::Run;

/// Runs with these variables.
fn run(fake: &Fake, words: &[&str], variables: &[(&str, &str)]) -> Run {
    Run::of(fake.command(words).envs(variables.iter().copied()).output().unwrap())
}

#[test]
fn caches_of_the_command_are_completed() {
    let fake = Fake::new();
    let store = fake.store().replace("type=s3,", "");
    let attributes = [("S3_BUILD_CACHE_ATTRS", &*format!("{store},mode=max"))];
    let words =
        ["--", "docker", "build", "--cache-to", "type=s3", "--cache-from", "type=s3,name=b", "--cache-from", "a/b"];
    run(&fake, &words, &attributes).expect(0);
    let to = "type=registry,ref=SERVER/to-1,mode=max";
    let from = "type=registry,ref=SERVER/from-1,mode=max";
    assert_eq!(fake.arguments(), ["build", "--cache-to", to, "--cache-from", from, "--cache-from", "a/b"]);
    run(&fake, &["--cache-to", "type=s3", "--", "make"], &attributes).expect(0);
    assert_eq!(fake.variable("S3_BUILD_CACHE_TO").unwrap(), to);
    run(&fake, &["--", "docker", "build", "--cache-to", "type=s3,bucket=,endpoint_url="], &attributes)
        .expect(2)
        .says(&["bucket", "hint: "]);
}

#[test]
fn caches_of_variables_are_for_commands_that_read_them() {
    let fake = Fake::new();
    let store = fake.store();
    let variables =
        [("S3_BUILD_CACHE_CACHE_TO", &*store), ("S3_BUILD_CACHE_CACHE_FROM", &*format!("{store}\n{store},name=b"))];
    run(&fake, &["--", "make"], &variables).expect(0);
    assert_eq!(fake.variable("S3_BUILD_CACHE_FROM").unwrap(), "type=registry,ref=SERVER/from-1");
    run(&fake, &["--", "docker", "build", "--cache-from", &store], &variables).expect(0);
    assert_eq!(fake.variable("S3_BUILD_CACHE_TO"), None);
    assert_eq!(fake.arguments(), ["build", "--cache-from", "type=registry,ref=SERVER/from-1"]);
    run(&fake, &["--", "docker", "build", "."], &variables).expect(2).says(&["names no S3 cache"]);
    let two = [("S3_BUILD_CACHE_CACHE_TO", &*format!("{store}\n{store},name=b"))];
    run(&fake, &["--", "docker", "build", "--cache-from", &store], &two).expect(0);
    run(&fake, &["--", "make"], &two).expect(2).says(&["run takes one --cache-to", "see also S3_BUILD_CACHE_CACHE_TO"]);
    run(&fake, &["--cache-to", &store, "--", "docker", "build", "."], &variables).expect(2).says(&["behind the build"]);
}

#[test]
fn a_run_within_the_command_does_not_get_what_only_one_run_can_have() {
    let fake = Fake::new();
    let (summary, attributes) = (fake.path("summary"), fake.store().replace("type=s3,", ""));
    let variables = [
        ("S3_BUILD_CACHE_SUMMARY", summary.to_str().unwrap()),
        ("S3_BUILD_CACHE_ADVERTISE", "host.example:0"),
        ("S3_BUILD_CACHE_QUIET", "true"),
        ("S3_BUILD_CACHE_JSON", "true"),
        ("S3_BUILD_CACHE_ATTRS", &attributes),
        ("GITHUB_OUTPUT", fake.dir.path().join("output").to_str().unwrap()),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    run(&fake, &["--cache-from", "type=s3", "--", "make"], &variables).expect(0);
    assert!(fake.variable("S3_BUILD_CACHE_FROM").unwrap().starts_with("type=registry,ref=host.example:"));
    assert!(summary.exists());
    for (name, value) in &variables[..2] {
        assert_eq!(fake.variable(name), None, "{name}={value}");
    }
    for (name, value) in &variables[2..] {
        assert_eq!(fake.variable(name).as_deref(), Some(*value), "{name}");
    }
}

#[test]
fn a_daemon_that_opens_the_cache_itself_gets_the_defaults_but_not_their_keys() {
    let fake = Fake::new();
    let attributes = "region=r,bucket=abc,endpoint_url=http://127.0.0.1:1,retry_max_attempts=1,access_key_id=AK,\
                      secret_access_key=MARKED";
    let variables = [("S3_BUILD_CACHE_ATTRS", attributes)];
    let words =
        ["--", "buildctl", "--addr", "tcp://b:1", "build", "--import-cache", "type=s3,name=a", "--export-cache"];
    let to = "type=s3,name=a,ignore-error=true";
    run(&fake, &[&words[..], &[to]].concat(), &variables).expect(0);
    let arguments = fake.arguments().join(" ");
    assert!(!arguments.contains("MARKED") && !arguments.contains("type=s3"), "{arguments}");
}

#[test]
fn github_learns_what_was_found() {
    let fake = Fake::new();
    fake.answers("act", super::caches::LOOK);
    let store = format!("{},name=x;app", fake.store());
    let (output, page) = (fake.path("output"), fake.path("page"));
    let variables = [("GITHUB_OUTPUT", output.to_str().unwrap()), ("GITHUB_STEP_SUMMARY", page.to_str().unwrap())];
    let words = ["--", "docker", "buildx", "build", "--cache-from", &store];
    for (expected, hits) in
        [("cache-hit=false\nmatched-names=\n", "0 | 1"), ("cache-hit=true\nmatched-names=app\n", "1 | 0")]
    {
        run(&fake, &words, &variables).expect(7);
        assert_eq!(fs::read_to_string(&output).unwrap(), expected);
        let table = fs::read_to_string(&page).unwrap();
        assert!(table.contains(&format!(" | finished | {hits} | 0 | 0 B | 0 | 0 B | ")), "{table}");
        let target = format!("{},name=app", fake.store());
        crate::cli::run(&["export", "tests/fixtures/max/local", "--cache-to", &target]).expect(0);
        fs::remove_file(&output).unwrap();
        fs::remove_file(&page).unwrap();
    }
    run(&fake, &["--", "docker", "build"], &variables).expect(2);
    assert_eq!(fs::read_to_string(&output).unwrap(), "cache-hit=false\nmatched-names=\n");
    assert_eq!(without_server(&store), store);
}

#[test]
fn a_summary_that_cannot_be_written_is_reported_beside_the_other_error() {
    let fake = Fake::new();
    let store = fake.store();
    let failed = ["error: cannot write /no/such/file", "error: the command names no S3 cache"];
    fake.run(&["--summary", "/no/such/file", "--", "make"]).expect(2).says(&failed);
    let words = ["--summary", "/no/such/file", "--cache-from", &store, "--", "make"];
    fake.run(&words).expect(1).says(&failed[..1]);
}

#[test]
fn the_summary_lists_the_warnings_of_the_files_for_github() {
    let fake = Fake::new();
    let (store, summary) = (fake.store(), fake.path("summary"));
    let words = ["--summary", summary.to_str().unwrap(), "--cache-from", &store, "--", "make"];
    run(&fake, &words, &[("GITHUB_OUTPUT", "/no/such/file")]).expect(0).says(&["GITHUB_OUTPUT"]);
    assert!(fs::read_to_string(&summary).unwrap().contains("cannot write to the file in GITHUB_OUTPUT"));
}
