//! The commands that show what a bucket holds: `ls`, `show` and `du`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::caches::write_cache;
use super::{Run, file_store, run};
use crate::s3::blobs::{Blobs, noise};
use crate::s3::merge::job;
use crate::s3_server::Server;

/// Exports two jobs, which share one blob of 100 bytes and have one of 200 bytes each, and a blob that no manifest
/// references. Returns the attributes of the store.
fn bucket(root: &Path) -> String {
    let store = file_store(&root.join("store"));
    for (number, name) in [(0, "main"), (1, "pr-1")] {
        let dir = root.join(name);
        write_cache(&job(number), &dir);
        run(&["export", dir.to_str().unwrap(), "--cache-to", &format!("{store},name={name}")]).expect(0);
    }
    let blobs = Blobs::new(vec![noise(7, 1000)]);
    fs::write(root.join("store/trial").join(blobs.key()), noise(7, 1000)).unwrap();
    store
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn ls_lists_each_manifest_with_what_only_it_uses() {
    let root = tempfile::tempdir().unwrap();
    let store = bucket(root.path());
    let text = run(&["ls", &store]).expect(0).stdout;
    let lines: Vec<Vec<&str>> = text.lines().map(words).collect();
    assert_eq!(lines[0], ["NAME", "LAYERS", "RECORDS", "REFERENCED", "OWN", "WRITTEN", "MISSING"]);
    for (line, name) in lines[1..].iter().zip(["main", "pr-1"]) {
        assert_eq!(line[..7], [name, "2", "2", "300", "B", "200", "B"], "{text}");
        assert_eq!(line[9..], ["ago", "0"], "{text}");
    }
    assert_eq!(lines.len(), 3);
    fs::remove_file(root.path().join("store/trial").join(Blobs::new(vec![noise(1, 100)]).key())).unwrap();
    let result = json(&run(&["ls", &store, "--json"]).expect(0));
    let manifest = &result["targets"][0]["manifests"][0];
    assert_eq!((&manifest["name"], &manifest["missing"]["blobs"]), (&"main".into(), &1.into()));
    assert_eq!((&manifest["referenced"]["bytes"], &manifest["own"]["bytes"]), (&200.into(), &200.into()));
    assert_eq!((&result["command"], &result["outcome"]), (&"ls".into(), &"listed".into()));
}

#[test]
fn names_select_exactly_or_by_pattern() {
    let root = tempfile::tempdir().unwrap();
    let store = bucket(root.path());
    let names = |more: &str| -> Vec<String> {
        let text = run(&["ls", &format!("{store}{more}")]).expect(0).stdout;
        text.lines().skip(1).map(|line| words(line)[0].to_owned()).collect()
    };
    assert_eq!(names(",name=pr-*"), ["pr-1"]);
    assert_eq!(names(",name=m[a-z]in;pr-?"), ["main", "pr-1"]);
    assert_eq!(names(",name=main"), ["main"]);
    let text = run(&["ls", &format!("{store},name=x*")]).expect(0).stdout;
    assert!(text.starts_with("no manifests in "), "{text}");
    let absent = run(&["ls", &format!("{store},name=main;absent"), "--json"]).expect(1);
    let result = json(&absent);
    assert_eq!(result["targets"][0]["absent"], serde_json::json!(["absent"]));
    absent.says(&["no manifest named absent"]);
}

#[test]
fn a_damaged_manifest_is_listed_and_does_not_hide_the_others() {
    let root = tempfile::tempdir().unwrap();
    let store = bucket(root.path());
    fs::write(root.path().join("store/trial/manifests/broken"), "{").unwrap();
    let listed = run(&["ls", &store]).expect(0);
    assert!(listed.stdout.contains("unreadable") && listed.stdout.contains("pr-1"), "{}", listed.stdout);
    listed.says(&["manifests/broken is not a valid cache manifest"]);
    run(&["du", &store]).expect(0).says(&["1 manifest cannot be read: blobs in use"]);
    run(&["show", "broken", &store]).expect(5).says(&["not a valid cache manifest"]);
}

#[test]
fn show_draws_layers_as_a_tree_and_marks_what_is_missing() {
    let root = tempfile::tempdir().unwrap();
    let store = bucket(root.path());
    let own = Blobs::new(vec![noise(100, 200)]);
    fs::remove_file(root.path().join("store/trial").join(own.key())).unwrap();
    for arguments in [["show", "main", &store], ["show", "-v", &format!("{store},name=main")]] {
        let text = run(&arguments).expect(0).stdout;
        assert!(text.contains("2 layers, 300 B · 2 records · 1 layer cannot be used"), "{text}");
        let layers: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("layers (2)")).skip(1).collect();
        let short = |blobs: &Blobs| blobs.digest().hex()[..12].to_owned();
        let base = Blobs::new(vec![noise(1, 100)]);
        assert!(layers[0].starts_with(&format!("└─ {}", short(&base))) && layers[0].ends_with(" ago"), "{text}");
        assert!(layers[1].starts_with(&format!("   {}", short(&own))) && layers[1].ends_with("missing"), "{text}");
    }
    let result = json(&run(&["show", "main", &store, "--json"]).expect(0));
    let layers = result["targets"][0]["manifests"][0]["layers"].as_array().unwrap();
    let states: Vec<&str> = layers.iter().map(|layer| layer["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"missing") && states.contains(&"present"), "{result}");
    run(&["show", "absent", &store]).expect(1).says(&["no manifest named absent"]);
    run(&["show", "main", &format!("{store},name=main")]).expect(2).says(&["NAME and name="]);
}

#[test]
fn show_tells_when_a_leaf_was_last_exported() {
    let root = tempfile::tempdir().unwrap();
    let store = file_store(&root.path().join("store"));
    for number in [0, 1] {
        let dir = root.path().join(number.to_string());
        write_cache(&job(number), &dir);
        let to = format!("{store},name=main,on_conflict=merge");
        run(&["export", dir.to_str().unwrap(), "--cache-to", &to]).expect(0);
    }
    let text = run(&["show", "main", &store]).expect(0).stdout;
    let exported = text.lines().filter(|line| line.contains("─ sha256:") && line.contains("exported ")).count();
    assert_eq!(exported, 2, "{text}");
}

#[test]
fn du_adds_up_own_shared_and_unreferenced_bytes() {
    let root = tempfile::tempdir().unwrap();
    let store = bucket(root.path());
    let result = json(&run(&["du", &store, "--json"]).expect(0));
    let usage = &result["targets"][0];
    for (field, blobs, bytes) in
        [("total", 4, 1500), ("referenced", 3, 500), ("shared", 1, 100), ("unreferenced", 1, 1000), ("others", 0, 0)]
    {
        assert_eq!(usage[field], serde_json::json!({"blobs": blobs, "bytes": bytes}), "{field}");
    }
    let page = root.path().join("page.html");
    let text = run(&["du", &store, "--html", page.to_str().unwrap()]).expect(0).stdout;
    assert!(text.lines().any(|line| words(line) == ["used", "by", "none", "1000", "B", "1", "blob"]), "{text}");
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("<svg") && page.contains("pr-1") && page.contains("would free 1000 B (1 blob)"));
    let nowhere = root.path().join("absent/page.html");
    run(&["du", &store, "--html", nowhere.to_str().unwrap()]).expect(1).says(&["cannot write", "absent/page.html"]);
}

#[test]
fn several_buckets_are_shown_also_after_one_has_failed() {
    let root = tempfile::tempdir().unwrap();
    let store = bucket(root.path());
    let server = Server::start();
    let elsewhere = super::caches::s3_store(&server).replace("bucket=cache", "bucket=absent");
    let both = run(&["ls", &elsewhere, &store, "--json"]).expect(1);
    let result = json(&both);
    assert_eq!(result["targets"][0]["error"]["kind"], "no-such-bucket");
    assert_eq!(result["targets"][1]["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(result["outcome"], "failed");
}

#[test]
fn an_empty_bucket_has_nothing_to_show() {
    let root = tempfile::tempdir().unwrap();
    let store = file_store(root.path());
    for command in ["ls", "show"] {
        let text = run(&[command, &store]).expect(0).stdout;
        assert!(text.starts_with("no manifests in "), "{text}");
    }
    assert!(run(&["du", &store]).expect(0).stdout.contains("0 blobs"));
}

#[test]
fn a_wrong_argument_is_a_usage_error_without_secrets() {
    let s3 = "type=s3,bucket=trial,region=r";
    for (arguments, parts) in [
        (&["ls"][..], &["ls needs the attributes of a cache"][..]),
        (&["ls", "main", s3], &["unexpected argument \"main\""]),
        (&["du", s3, "--html", ""], &["--html is empty"]),
        (&["show", "", s3], &["name is empty"]),
        (&["show", "main"], &["show needs the attributes"]),
        (&["list", s3], &["did you mean ls?"]),
        (&["fsck", s3], &["did you mean verify?"]),
        (&["verify", s3, "--dry-run"], &["no effect without --repair"]),
        (&["ls", s3, "--deep"], &["--deep is an option of verify"]),
        (&["ls", "type=local,src=x"], &["ls takes an S3 cache"]),
    ] {
        run(arguments).expect(2).says(parts).says(&["hint: "]);
    }
    let attributes = "type=s3,bucket=trial,secret_access_key=a";
    for arguments in [["ls", attributes, "MARKED"], ["ls", "secret=MARKED", attributes]] {
        let run = run(&arguments).expect(2);
        assert!(!run.stderr.contains("MARKED"), "{}", run.stderr);
    }
}
