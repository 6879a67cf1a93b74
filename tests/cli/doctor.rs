//! `doctor`, as a user runs it.

use serde_json::Value;

use super::{Run, file_store, run, run_with};
use crate::network::{attributes, variables};
use crate::s3_server::{Failure, Fault, Match, Operation, Server};

fn doctor(server: &Server, more: &[(&str, &str)], arguments: &[&str]) -> Run {
    let attributes = attributes(server, &server.endpoint());
    let variables = variables(server, more);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    run_with(&[&["doctor", &attributes], arguments].concat(), &variables)
}

fn deny(server: &Server, operation: Operation) {
    let denied = Failure::new(403, "AccessDenied", "Access Denied");
    server.fault(Match::operation(operation).always(), Fault::Reply(denied));
}

#[test]
fn every_check_is_a_line_and_a_failed_one_has_its_fix() {
    let server = Server::start();
    let run = doctor(&server, &[], &["--write"]).expect(0);
    assert_eq!(run.last_line(), "all checks passed");
    assert!(run.stdout.contains("\u{2713} options     s3://cache/") && run.stderr.is_empty(), "{}", run.stdout);
    assert!(!run.stdout.contains('\u{1b}'), "no colors where there is no terminal");
    deny(&server, Operation::ListObjectsV2);
    let run = doctor(&server, &[], &[]).expect(4);
    assert!(run.stdout.contains("\u{2717} list        ListObjectsV2 s3://cache: 403 AccessDenied"), "{}", run.stdout);
    assert!(run.stdout.contains("\n  fix: allow s3:ListBucket on the bucket"), "{}", run.stdout);
    assert_eq!(run.last_line(), "1 check failed");
    let quiet = doctor(&server, &[], &["-q"]).expect(4);
    assert_eq!(quiet.stdout.lines().count(), 2, "{}", quiet.stdout);
}

#[test]
fn denied_access_determines_the_exit_status() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(work.path());
    run(&["doctor", &store]).expect(0);
    std::fs::create_dir_all(work.path().join("trial/manifests")).unwrap();
    std::fs::write(work.path().join("trial/manifests/buildkit"), "{").unwrap();
    run(&["doctor", &store]).expect(5);
    run(&["doctor", "type=s3,bucket=trial"]).expect(2);
    let server = Server::start();
    server.set_clock_ahead(7200);
    doctor(&server, &[], &[]).expect(1);
    deny(&server, Operation::GetObject);
    doctor(&server, &[], &[]).expect(4);
    doctor(&server, &[("AWS_SECRET_ACCESS_KEY", "wrong")], &[]).expect(4);
    run(&["doctor", &attributes(&server, &server.endpoint())]).expect(4);
    run(&["doctor", &attributes(&server, "http://127.0.0.1:1")]).expect(4);
    doctor(&server, &[("AWS_CA_BUNDLE", "/nowhere")], &[]).expect(1);
}

#[test]
fn json_lists_every_check() {
    let server = Server::start();
    deny(&server, Operation::PutObject);
    let run = doctor(&server, &[], &["--write", "--json"]).expect(4);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&object["version"], &object["command"]), (&1.into(), &"doctor".into()));
    assert_eq!(object["outcome"], "failed");
    let check = |name: &str| {
        let checks = object["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap().clone()
    };
    let write = check("write");
    assert_eq!((&write["outcome"], &write["kind"]), (&"failed".into(), &"access".into()));
    assert!(write["hint"].as_str().unwrap().contains("s3:PutObject"), "{write}");
    assert_eq!((&check("touch")["outcome"], &check("read")["outcome"]), (&"skipped".into(), &"passed".into()));
}

#[test]
fn json_has_the_endpoint_also_if_nothing_can_be_reached() {
    let nowhere = [("HTTPS_PROXY", "http://127.0.0.1:1")];
    let doctor = |bucket: &str, status| -> Value {
        let attributes = format!("type=s3,region=us-east-1,bucket={bucket}");
        serde_json::from_str(&run_with(&["doctor", "--json", &attributes], &nowhere).expect(status).stdout).unwrap()
    };
    let directory = doctor("ci--use1-az4--x-s3", 4);
    for (name, value) in [
        ("endpoint", "https://ci--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com"),
        ("signing_service", "s3express"),
        ("signing_region", "us-east-1"),
        ("bucket_type", "directory"),
        ("zone", "use1-az4"),
    ] {
        assert_eq!(directory[name], value);
    }
    let plain = doctor("my.cache", 4);
    assert_eq!(plain["endpoint"], "https://s3.us-east-1.amazonaws.com/my.cache");
    assert_eq!((&plain["bucket_type"], &plain["zone"]), (&"general-purpose".into(), &Value::Null));
    let refused = doctor("ci--usaz1--x-s3", 2);
    assert_eq!((&refused["endpoint"], &refused["checks"][0]["kind"]), (&Value::Null, &"usage".into()));
}

#[test]
fn json_reports_an_invalid_command_line_without_checks() {
    for arguments in [
        &["doctor", "type=s3,x=1", "--json"][..],
        &["doctor", "--json", "--bogus"],
        &["--json", "doctor"],
        &["doctor", "--cache-from", "type=s3,bucket=abc,import=1", "--json"],
    ] {
        let object: Value = serde_json::from_str(&run(arguments).expect(2).stdout).unwrap();
        assert_eq!((&object["command"], &object["outcome"]), (&"doctor".into(), &"failed".into()), "{arguments:?}");
        assert_eq!(object["error"]["kind"], "usage");
        assert_eq!((&object["checks"], &object["warnings"]), (&Value::Array(vec![]), &Value::Array(vec![])));
        assert!(object.get("blobs").is_none() && object.get("targets").is_none(), "{object}");
    }
}

#[test]
fn the_cache_may_be_given_as_an_option_of_export_or_import() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(work.path());
    for arguments in [&["--cache-from", &*store][..], &["--cache-to", &store], &[&store]] {
        assert_eq!(run(&[&["doctor"], arguments].concat()).expect(0).last_line(), "all checks passed");
    }
    for arguments in [
        &["--cache-from", &*store, "--cache-to", &store][..],
        &[&store, "--cache-to", &store],
        &["--cache-to", &store, "--cache-to", &store],
    ] {
        run(&[&["doctor"], arguments].concat()).expect(2).says(&["doctor takes one cache", "hint: "]);
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let work = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_s3-build-cache"))
        .env_clear()
        .args(["doctor", &file_store(work.path())])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn a_directory_that_does_not_exist_yet_is_reported() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(&work.path().join("absent"));
    let checked = run(&["doctor", &store]).expect(0);
    assert!(checked.stdout.contains("does not exist yet; the first export creates it"), "{}", checked.stdout);
    let written = run(&["doctor", &store, "--write"]).expect(0);
    assert!(written.stdout.contains("touch       refreshed by a server-side copy"), "{}", written.stdout);
}

#[test]
fn checks_after_a_failed_write_are_skipped() {
    let work = tempfile::tempdir().unwrap();
    std::fs::create_dir(work.path().join("trial")).unwrap();
    std::fs::write(work.path().join("trial/blobs"), "in the way").unwrap();
    std::fs::write(work.path().join(".s3-build-cache"), "in the way").unwrap();
    let store = format!("{},blobs_prefix=b/", file_store(work.path()));
    let run = run(&["doctor", &store, "--write"]).expect(1);
    for name in ["touch", "delete"] {
        assert!(run.stdout.contains(&format!("- {name:11} nothing was written")), "{}", run.stdout);
    }
}

#[test]
fn an_import_is_not_tested_by_writing() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(work.path());
    run(&["doctor", "--write", "--cache-from", &store]).expect(2).says(&["--write", "--cache-from", "hint: "]);
    let anonymous = format!("{store},anonymous=true");
    let checked = run(&["doctor", "--write", &anonymous]).expect(0);
    assert!(checked.stdout.contains("- write       anonymous=true"), "{}", checked.stdout);
    assert_eq!(std::fs::read_dir(work.path()).unwrap().count(), 0);
}
