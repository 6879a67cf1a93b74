//! `--json` and `--progress=rawjson`: what programs read.

use serde_json::Value;

use super::{Run, file_store, run};

fn object(run: &Run) -> Value {
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn one_object_tells_what_was_done() {
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
    assert!(result.get("error").is_none());

    let target = work.path().join("restored");
    let directory = target.to_str().unwrap();
    let result = object(&run(&["import", directory, "--cache-from", &store, "--json"]).expect(0));
    assert_eq!((&result["outcome"], &result["blobs"]["total"]), (&"miss".into(), &0.into()));
    let from = format!("{store},name=a");
    let result = object(&run(&["import", directory, "--cache-from", &from, "--json", "--dry-run"]).expect(0));
    assert_eq!(result["outcome"], "dry-run");
    let result = object(&run(&["import", directory, "--cache-from", &from, "--json"]).expect(0));
    assert_eq!((&result["outcome"], &result["layers"]), (&"restored".into(), &11.into()));
}

#[test]
fn a_failure_is_told_too() {
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
fn warnings_are_in_the_object() {
    let work = tempfile::tempdir().unwrap();
    let store = format!("{},prefix=p", file_store(work.path()));
    let result = object(&run(&["export", "tests/fixtures/min/local", "--cache-to", &store, "--json"]).expect(0));
    assert!(result["warnings"][0].as_str().unwrap().contains("prefix=p"), "{result}");
}

#[test]
fn rawjson_is_one_object_a_line_on_standard_error() {
    let work = tempfile::tempdir().unwrap();
    let export = ["export", "tests/fixtures/min/local", "--cache-to", &file_store(work.path()), "--progress=rawjson"];
    let run = run(&export).expect(0);
    let events: Vec<Value> = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((count("planned"), count("started"), count("finished")), (1, 3, 3), "{}", run.stderr);
    for event in &events {
        for key in ["event", "digest", "current", "total", "time"] {
            assert!(event.get(key).is_some(), "{event}");
        }
    }
}

#[test]
fn quiet_is_quiet() {
    let work = tempfile::tempdir().unwrap();
    let export = ["export", "tests/fixtures/min/local", "--cache-to", &file_store(work.path()), "-q"];
    let run = run(&export).expect(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
}
