//! The command `verify`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::trial_bucket::Bucket;
use super::{Run, run};
use crate::s3::blobs::noise;

fn import(bucket: &Bucket, name: &str) -> Run {
    let into = bucket.root.path().join(format!("restored-{name}"));
    fs::remove_dir_all(&into).ok();
    run(&["import", into.to_str().unwrap(), "--strict", "--cache-from", &format!("{},name={name}", bucket.store)])
}

fn defects(result: &Value, field: &str) -> Vec<String> {
    let findings = result["targets"][0][field].as_array().unwrap();
    findings.iter().map(|finding| finding["defect"].as_str().unwrap().to_owned()).collect()
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn an_intact_bucket_is_clean() {
    let bucket = Bucket::new();
    let run = bucket.run("verify", &[], 0);
    assert!(run.last_line().starts_with("checked 2 manifests and 3 blobs · nothing is wrong"), "{}", run.stdout);
    let result = bucket.json("verify", &["--deep"], 0);
    assert_eq!((&result["outcome"], &result["targets"][0]["bytes_read"]), (&"clean".into(), &500.into()));
}

#[test]
fn missing_blobs_are_found_and_repaired() {
    let bucket = Bucket::new();
    fs::remove_file(bucket.blob(&noise(1, 100))).unwrap();
    let text = bucket.run("verify", &[], 5).stdout;
    assert!(text.contains("(in main, pr-1): missing\n") && text.contains("1 finding"), "{text}");
    let before = fs::read(bucket.path("manifests/main")).unwrap();
    let text = bucket.run("verify", &["--repair", "--dry-run"], 5).stdout;
    assert!(text.contains("would rewrite main without 1 blob\n"), "{text}");
    assert_eq!(fs::read(bucket.path("manifests/main")).unwrap(), before);
    let result = bucket.json("verify", &["--repair"], 0);
    assert_eq!((defects(&result, "findings").len(), defects(&result, "remaining").len()), (1, 0));
    assert_eq!(result["outcome"], "repaired");
    assert_eq!(result["targets"][0]["steps"][0], serde_json::json!({"action": "rewrite", "name": "main", "lost": 1}));
    assert_ne!(fs::read(bucket.path("manifests/main")).unwrap(), before);
    assert_eq!(bucket.json("verify", &[], 0)["outcome"], "clean");
}

#[test]
fn corrupt_blobs_are_found_by_reading_and_deleted() {
    let bucket = Bucket::new();
    let path = bucket.blob(&noise(100, 200));
    flip(&path);
    assert_eq!(bucket.json("verify", &[], 0)["outcome"], "clean");
    assert_eq!(defects(&bucket.json("verify", &["--deep"], 5), "findings"), ["corrupt"]);
    let text = bucket.run("verify", &["--deep", "--repair"], 0).stdout;
    assert!(text.contains("rewrote main without 1 blob\n") && text.contains("\ndeleted sha256:"), "{text}");
    assert!(!path.exists());
    import(&bucket, "pr-1").expect(0);
    import(&bucket, "main").expect(0);
    // The next export uploads it again.
    bucket.export("main", 0);
    bucket.export("pr-1", 1);
    assert_eq!(bucket.json("verify", &["--deep"], 0)["outcome"], "clean");
}

#[test]
fn a_truncated_blob_is_found_without_reading_and_deleted() {
    let bucket = Bucket::new();
    let path = bucket.blob(&noise(101, 200));
    fs::remove_file(&path).unwrap();
    fs::write(&path, &noise(101, 200)[..150]).unwrap();
    let text = bucket.run("verify", &[], 5).stdout;
    assert!(text.contains("wrong size: 150 bytes, not 200"), "{text}");
    bucket.run("verify", &["--repair"], 0);
    assert!(!path.exists());
    assert_eq!(bucket.json("verify", &["--deep"], 0)["outcome"], "clean");
}

#[test]
fn a_corrupt_blob_that_another_manifest_references_stays() {
    let bucket = Bucket::new();
    let path = bucket.blob(&noise(1, 100));
    flip(&path);
    let only_main = format!("{},name=main", bucket.store);
    let run = run(&["verify", "--deep", "--repair", &only_main]).expect(5);
    assert!(run.stdout.contains("rewrote main") && path.exists(), "{}", run.stdout);
    run.says(&["1 corrupt blob is not deleted", "run verify without name="]);
    bucket.run("verify", &["--deep", "--repair"], 0);
    assert!(!path.exists());
}

#[test]
fn damaged_and_absent_manifests_remain_findings() {
    let bucket = Bucket::new();
    fs::write(bucket.path("manifests/broken"), "{").unwrap();
    let result = bucket.json("verify", &["--repair"], 5);
    assert_eq!(defects(&result, "findings"), ["unreadable-manifest"]);
    assert_eq!(defects(&result, "remaining"), ["unreadable-manifest"]);
    let named = run(&["verify", &format!("{},name=main;absent", bucket.store)]).expect(5);
    assert!(named.stdout.contains("manifests/absent: absent"), "{}", named.stdout);
    run(&["verify", &format!("{},name=main", bucket.store)]).expect(0);
}
