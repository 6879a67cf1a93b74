//! Several exports to one name, as seen on the command line.

use std::path::Path;

use serde_json::Value;

use super::caches::write_cache;
use super::{file_store, run};
use crate::s3::merge::job;

fn exported(root: &Path, number: u32, more: &str) -> Value {
    let dir = root.join(number.to_string());
    write_cache(&job(number), &dir);
    let store = format!("{}{more}", file_store(&root.join("store")));
    let run = run(&["export", dir.to_str().unwrap(), "--cache-to", &store, "--json"]).expect(0);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn an_export_reports_what_it_kept_of_others() {
    let root = tempfile::tempdir().unwrap();
    for (number, kept) in [(0, 0), (1, 1), (2, 2)] {
        let json = exported(root.path(), number, ",on_conflict=merge");
        let merged = &json["targets"][0]["merged"];
        assert_eq!(merged[0]["name"], "buildkit", "{json}");
        assert_eq!((merged[0]["kept"].as_u64(), merged[0]["leaves"].as_u64()), (Some(kept), Some(kept + 1)), "{json}");
    }
    let json = exported(root.path(), 3, "");
    assert_eq!(json["targets"][0].get("merged"), None, "{json}");
}

#[test]
fn an_import_explains_what_came_from_which_manifest() {
    let root = tempfile::tempdir().unwrap();
    for number in [0, 1] {
        exported(root.path(), number, &format!(",name=job-{number}"));
    }
    let store = format!("{},name=job-0;job-1", file_store(&root.path().join("store")));
    let into = root.path().join("into");
    let arguments = ["import", into.to_str().unwrap(), "--cache-from", &store, "--explain"];
    let text = run(&arguments).expect(0).stdout;
    for name in ["job-0", "job-1"] {
        assert!(text.contains(&format!("manifests/{name}: 2 results\n")), "{text}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("leaf sha256:")).count(), 2, "{text}");
    let run = run(&[&arguments[..], &["--json"]].concat()).expect(0);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["explain"]["leaves"].as_array().unwrap().len(), 2, "{json}");
    assert_eq!(json["explain"]["manifests"][0]["results"], 2, "{json}");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let store = format!("{},on_conflict=merge,exact=true", file_store(root.path()));
    let run = run(&["export", "tests/fixtures/min/local", "--cache-to", &store]).expect(2);
    run.says(&["on_conflict=merge and exact=true contradict each other"]);
}
