//! The output for programs: `--json` and `--progress=rawjson`.

use serde_json::Value;

use super::caches::{s3_store, write_cache};
use super::{Run, file_store, run, run_with};
use crate::s3::blobs::Blobs;
use crate::s3_server::{Failure, Fault, Match, Operation, Server};

fn object(run: &Run) -> Value {
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn one_object_reports_what_was_done() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(&work.path().join("store"));
    let export = ["export", "tests/fixtures/max/local", "--cache-to", &format!("{store},name=a;b"), "--json"];
    let result = object(&run(&export).expect(0));
    assert_eq!(result["version"], 1);
    assert_eq!((&result["command"], &result["outcome"]), (&"export".into(), &"exported".into()));
    assert_eq!(result["layers"], 11);
    assert_eq!(result["blobs"]["total"], 10);
    assert_eq!(result["blobs"]["transferred"], 10);
    assert_eq!(result["names"], serde_json::json!(["a", "b"]));
    assert!(result["bytes"].as_u64().unwrap() > 100_000 && result["seconds"].is_number());
    assert_eq!(result["targets"][0]["outcome"], "exported");
    assert!(result["targets"][0].get("looked_for").is_none(), "{result}");
    assert!(result.get("error").is_none());

    let target = work.path().join("restored");
    let directory = target.to_str().unwrap();
    let result = object(&run(&["import", directory, "--cache-from", &store, "--json"]).expect(0));
    assert_eq!((&result["outcome"], &result["blobs"]["total"]), (&"miss".into(), &0.into()));
    let looked_for = result["targets"][0]["looked_for"].as_array().unwrap();
    assert!(looked_for.len() == 1 && looked_for[0].as_str().unwrap().ends_with("/manifests/buildkit"), "{result}");
    let from = format!("{store},name=a");
    let result = object(&run(&["import", directory, "--cache-from", &from, "--json", "--dry-run"]).expect(0));
    assert_eq!((&result["outcome"], &result["targets"][0]["outcome"]), (&"dry-run".into(), &"dry-run".into()));
    let result = object(&run(&["import", directory, "--cache-from", &from, "--json"]).expect(0));
    assert_eq!((&result["outcome"], &result["layers"]), (&"restored".into(), &11.into()));
    assert_eq!(result["targets"][0]["outcome"], "restored");
}

#[test]
fn a_source_without_layers_is_a_miss() {
    let work = tempfile::tempdir().unwrap();
    let manifests = work.path().join("store/trial/manifests");
    std::fs::create_dir_all(&manifests).unwrap();
    std::fs::write(manifests.join("buildkit"), r#"{"records":[]}"#).unwrap();
    let (store, target) = (file_store(&work.path().join("store")), work.path().join("restored"));
    let import = run(&["import", target.to_str().unwrap(), "--cache-from", &store, "--json"]).expect(0);
    let result = object(&import);
    assert_eq!((&result["outcome"], &result["targets"][0]["outcome"]), (&"miss".into(), &"miss".into()));
    assert_eq!(result["targets"][0]["names"], serde_json::json!(["buildkit"]));
    assert!(!target.exists());
}

#[test]
fn the_object_reports_failures() {
    let work = tempfile::tempdir().unwrap();
    std::fs::write(work.path().join("broken"), "").unwrap();
    let broken = file_store(&work.path().join("broken"));
    let result = object(&run(&["export", "tests/fixtures/max/local", "--cache-to", &broken, "--json"]).expect(1));
    assert_eq!(result["outcome"], "failed");
    assert_eq!(result["targets"][0]["error"]["kind"], "io");
    assert!(result["targets"][0]["error"]["message"].as_str().unwrap().contains("broken"));
    let result = object(&run(&["export", "/no/such", "--cache-to", &broken, "--json"]).expect(1));
    assert_eq!((&result["outcome"], &result["error"]["kind"]), (&"failed".into(), &"io".into()));
    assert!(result["error"]["hint"].is_string());
    let result = object(&run(&["export", "x", "--cache-to", "type=s3,nonsense=1", "--json"]).expect(2));
    assert_eq!((&result["command"], &result["error"]["kind"]), (&"export".into(), &"usage".into()));
}

#[test]
fn the_object_lists_warnings() {
    let work = tempfile::tempdir().unwrap();
    let store = format!("{},prefix=p", file_store(work.path()));
    let result = object(&run(&["export", "tests/fixtures/min/local", "--cache-to", &store, "--json"]).expect(0));
    assert!(result["warnings"][0].as_str().unwrap().contains("prefix=p"), "{result}");
}

#[test]
fn rawjson_is_one_object_per_line_on_standard_error() {
    let work = tempfile::tempdir().unwrap();
    let export = ["export", "tests/fixtures/min/local", "--cache-to", &file_store(work.path()), "--progress=rawjson"];
    let run = run(&export).expect(0);
    let events: Vec<Value> = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((count("planned"), count("started"), count("finished")), (1, 3, 3), "{}", run.stderr);
    for event in &events {
        for key in ["event", "digest", "action", "current", "total", "time"] {
            assert!(event.get(key).is_some(), "{event}");
        }
    }
}

#[test]
fn rawjson_warnings_and_errors_are_objects_too() {
    let work = tempfile::tempdir().unwrap();
    std::fs::write(work.path().join("broken"), "").unwrap();
    let broken = format!("{},prefix=p", file_store(&work.path().join("broken")));
    for (arguments, status, kind) in [
        (&["export", "tests/fixtures/min/local", "--cache-to", &broken, "--progress=rawjson", "-v"][..], 1, "io"),
        (&["export", "tests/fixtures/min/local", "--cache-to", &broken, "--progress", "rawjson", "-q"], 1, "io"),
        (&["export", "/no/such", "--cache-to", &broken, "--progress=rawjson"], 1, "io"),
        (&["export", "x", "--cache-to", "type=s3,nonsense=1", "--progress=rawjson"], 2, "usage"),
    ] {
        let run = run(arguments).expect(status);
        let events: Vec<Value> = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let error = events.iter().find(|event| event["event"] == "error").unwrap();
        assert!(error["kind"] == kind && error["message"].is_string() && error["time"].is_string(), "{error}");
        assert!(error["hint"].is_string() || kind == "io", "{error}");
        let warned = events.iter().any(|event| event["event"] == "warning" && event["message"].is_string());
        assert_eq!(warned, arguments[1].starts_with("tests"), "{}", run.stderr);
    }
}

#[test]
fn quiet_overrides_every_progress_mode() {
    for progress in ["auto", "plain", "tty", "rawjson", "quiet"] {
        let work = tempfile::tempdir().unwrap();
        let store = file_store(work.path());
        let run = run(&["export", "tests/fixtures/min/local", "--cache-to", &store, "-q", "--progress", progress]);
        let run = run.expect(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{progress}");
    }
}

/// In the store, one blob is missing, one is corrupt, and the others are only read back.
#[test]
fn plain_lines_rawjson_and_the_result_agree_on_blobs_and_bytes() {
    let work = tempfile::tempdir().unwrap();
    let export = ["export", "tests/fixtures/max/local", "--cache-to", &file_store(work.path()), "--json"];
    let verify = |progress: &str| {
        let mut files: Vec<_> = std::fs::read_dir(work.path().join("trial/blobs")).unwrap().collect();
        files.sort_by_key(|file| file.as_ref().unwrap().metadata().unwrap().len());
        let paths = [0, 4].map(|at: usize| files[at].as_ref().unwrap().path());
        let sizes = paths.clone().map(|path| path.metadata().unwrap().len());
        std::fs::remove_file(&paths[0]).unwrap();
        std::fs::write(&paths[1], vec![b'x'; usize::try_from(sizes[1]).unwrap()]).unwrap();
        (run(&[&export[..], &["--verify-existing", progress]].concat()).expect(0), sizes[0] + sizes[1])
    };
    run(&export).expect(0);
    let (plain, bytes) = verify("--progress=plain");
    let result = object(&plain);
    assert_eq!((&result["blobs"]["transferred"], &result["bytes"]), (&2.into(), &bytes.into()));
    let amount = |text: &str| -> f64 {
        let (number, unit) = text.split_once(' ').unwrap();
        number.parse::<f64>().unwrap() * if unit == "KiB" { 1024.0 } else { 1.0 }
    };
    let mut lines = 0;
    for line in plain.stderr.lines().filter(|line| line.starts_with("  ")) {
        let (through, total) = line.split_once(", ").unwrap().1.split_once(" of ").unwrap();
        assert!(amount(through) <= amount(total), "{}", plain.stderr);
        lines += 1;
    }
    assert!(lines > 0, "{}", plain.stderr);
    let (raw, bytes) = verify("--progress=rawjson");
    let events = raw.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let moved = events.filter(|event| event["event"] == "finished" && event["action"] == "upload");
    assert_eq!(moved.map(|event| event["total"].as_u64().unwrap()).sum::<u64>(), bytes, "{}", raw.stderr);
}

#[test]
fn each_target_has_its_own_plan() {
    let work = tempfile::tempdir().unwrap();
    let stores = ["a", "b"].map(|name| file_store(&work.path().join(name)));
    let export = ["export", "tests/fixtures/min/local", "--cache-to", &stores[0], "--cache-to", &stores[1]];
    let run = run(&[&export[..], &["--progress=plain"]].concat()).expect(0);
    assert_eq!(run.stderr.matches("  3 of 3 blobs, ").count(), 2, "{}", run.stderr);
}

/// If a run fails half-way, the object reports what was done until then.
#[test]
fn a_failed_run_reports_what_was_done() {
    let (work, server) = (tempfile::tempdir().unwrap(), Server::start());
    let blobs = Blobs::of(&[400, 300, 200, 100]);
    let (dir, dir2) = (work.path().join("source"), work.path().join("restored"));
    write_cache(&blobs, &dir);
    let (dir, store) = (dir.to_str().unwrap(), s3_store(&server));
    let denied = || Fault::Reply(Failure::new(403, "AccessDenied", "Access Denied"));
    server.fault(Match::operation(Operation::PutObject).key("manifests/"), denied());
    let result = object(&run(&["export", dir, "--cache-to", &store, "--json"]).expect(4));
    for counts in [&result, &result["targets"][0]] {
        assert_eq!((&counts["outcome"], &counts["layers"]), (&"failed".into(), &4.into()));
        assert_eq!((&counts["blobs"]["total"], &counts["blobs"]["transferred"]), (&4.into(), &4.into()));
        assert_eq!((&counts["bytes"], &counts["names"]), (&1000.into(), &serde_json::json!([])));
        assert_eq!(counts["requests"], server.requests().len());
        assert!(counts["seconds"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(result["targets"][0]["error"]["kind"], "access");

    server.clear_faults();
    run(&["export", dir, "--cache-to", &store]).expect(0);
    server.take_requests();
    server.remove(&format!("blobs/{}", blobs.digest()));
    let import = ["import", dir2.to_str().unwrap(), "--cache-from", &store, "--json", "--strict"];
    let result = object(&run(&import).expect(5));
    assert_eq!((&result["blobs"]["transferred"], &result["blobs"]["missing"]), (&3.into(), &1.into()));
    assert_eq!(result["requests"], server.requests().len());
}

/// Blobs that are read back for verification do not count as uploads.
#[test]
fn plain_progress_counts_only_transferred_blobs() {
    let (work, server) = (tempfile::tempdir().unwrap(), Server::start());
    let blobs = Blobs::of(&[140 * 1024, 108]);
    let dir = work.path().join("source");
    write_cache(&blobs, &dir);
    let (large, small) = {
        let mut digests: Vec<_> = blobs.bytes.iter().collect();
        digests.sort_by_key(|(_, bytes)| std::cmp::Reverse(bytes.len()));
        (digests[0].0, digests[1].0)
    };
    let store = s3_store(&server);
    let export = ["export", dir.to_str().unwrap(), "--cache-to", &store, "--verify-existing", "--progress", "plain"];
    server.put_object(&format!("blobs/{large}"), &blobs.bytes[large]);
    run(&export).expect(0).says(&["uploading 1 blob, 108 B", "  1 of 1 blob, 108 B of 108 B"]);
    // A corrupt blob is not part of the plan.
    server.put_object(&format!("blobs/{large}"), &vec![0; 140 * 1024]);
    server.remove(&format!("blobs/{small}"));
    run(&export).expect(0).says(&["  2 of 2 blobs, 140 KiB of 140 KiB"]);
}

#[test]
fn the_sources_of_a_failed_import_are_failed() {
    let (server, blobs) = (Server::start(), Blobs::of(&[10, 20]));
    blobs.put_into(&server);
    let denied = Failure::new(403, "AccessDenied", "no");
    server.fault(Match::operation(Operation::GetObject).key("blobs/").always(), Fault::Reply(denied));
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("restored");
    let import = ["import", directory.to_str().unwrap(), "--cache-from", &s3_store(&server), "--json"];
    let result = object(&run(&import).expect(4));
    assert_eq!((&result["outcome"], &result["targets"][0]["outcome"]), (&"failed".into(), &"failed".into()));
    assert_eq!(result["targets"][0]["error"], result["error"]);
    assert_eq!(result["targets"][0]["names"], serde_json::json!(["buildkit"]));
}

#[test]
fn an_import_that_can_open_no_source_reports_all_of_them() {
    let work = tempfile::tempdir().unwrap();
    let config = work.path().join("config");
    std::fs::write(&config, "[profile a]\nca_bundle = /no/a\n[profile b]\nca_bundle = /no/b\n").unwrap();
    let store = |profile: &str| {
        format!("type=s3,region=r,bucket=trial,access_key_id=AK,secret_access_key=SK,profile={profile}")
    };
    let (a, b) = (store("a"), store("b"));
    let variables = [("AWS_CONFIG_FILE", config.to_str().unwrap())];
    let import = ["import", "/no/such", "--cache-from", &a, "--json"];
    let one = object(&run_with(&import, &variables).expect(1));
    assert_eq!(one["warnings"], serde_json::json!([]));
    let two = object(&run_with(&[&import[..], &["--cache-from", &b]].concat(), &variables).expect(1));
    assert!(two["error"]["message"].as_str().unwrap().contains("/no/a"), "{two}");
    let warnings = two["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|warning| warning.as_str().unwrap().contains("/no/b")), "{two}");
}
