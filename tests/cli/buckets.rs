//! The commands `prune`, `rm` and `copy`.

use std::fs;
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::caches::{copy_tree, objects_of_dir, start, write_cache};
use super::trial_bucket::Bucket;
use super::{file_store, run};
use crate::s3::merge::job;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn prune_plans_shows_and_applies() {
    let bucket = Bucket::new();
    bucket.age(HOUR * 100);
    bucket.export("main", 0);
    let before = objects_of_dir(&bucket.path(""));
    let older = ["--older-than", "72h"];
    let text = bucket.run("prune", &[&older[..], &["--dry-run"]].concat(), 0).stdout;
    assert!(text.contains("drop pr-1 (written 4 d ago)") && text.contains("1 of 2 manifests to drop"), "{text}");
    assert!(text.contains("1 blob (200 B) to record, and to delete by a run in 48 h or later"), "{text}");
    let short = bucket.run("prune", &[&older[..], &["--dry-run", "--force", "--grace", "90m"]].concat(), 0).stdout;
    assert!(short.contains("by a run in 2 h or later"), "{short}");
    assert!(objects_of_dir(&bucket.path("")) == before);
    let text = bucket.run("prune", &older, 0).stdout;
    assert!(text.contains("dropped pr-1\n") && text.contains("recorded 1 blob (200 B)"), "{text}");
    assert!(!bucket.path("manifests/pr-1").exists() && bucket.own_blob(1).exists());
    bucket.age(HOUR * 49);
    let result = bucket.json("prune", &[], 0);
    assert_eq!(result["outcome"], "pruned");
    let target = &result["targets"][0];
    assert_eq!((&target["deleted"]["blobs"], &target["result"]["deleted"]["bytes"]), (&1.into(), &200.into()));
    assert!(!bucket.own_blob(1).exists());
    bucket.is_sound();
}

#[test]
fn names_limit_what_prune_drops_but_not_what_it_reads() {
    let bucket = Bucket::new();
    bucket.age(HOUR * 100);
    let store = format!("{},name=pr-*", bucket.store);
    let arguments = ["prune", &store, "--older-than", "72h", "--now"];
    let text = run(&arguments).expect(0).stdout;
    assert!(text.contains("1 of 2 manifests to drop") && text.contains("deleted 1 blob (200 B)"), "{text}");
    bucket.is_sound();
    assert!(bucket.path("manifests/main").exists());
}

#[test]
fn caches_of_one_bucket_are_pruned_as_a_group() {
    let bucket = Bucket::new();
    let other = format!("{},manifests_prefix=m/,name=other", bucket.store);
    let dir = bucket.root.path().join("job-2");
    write_cache(&job(2), &dir);
    run(&["export", dir.to_str().unwrap(), "--cache-to", &other]).expect(0);
    run(&["prune", &other]).expect(2).says(&["manifests_prefix", "the attributes of all caches", "--force"]);
    let text = run(&["prune", &other, &bucket.store]).expect(0).stdout;
    assert!(text.contains("0 of 3 manifests to drop"), "{text}");
}

#[test]
fn bad_values_are_usage_errors_with_their_fix() {
    let s3 = "type=s3,bucket=trial,region=r";
    for (arguments, parts) in [
        (&["prune"][..], &["prune needs the attributes of a cache"][..]),
        (&["prune", s3, "--older-than", "14d"], &["--older-than=14d is not valid", "--older-than=336h"]),
        (&["prune", s3, "--older-than", "7"], &["--older-than=7", "add a unit"]),
        (&["prune", s3, "--max-size", "5GB"], &["--max-size=5GB is not valid", "a size"]),
        (&["prune", s3, "--keep-last", "0"], &["--keep-last", "at least 1"]),
        (&["prune", s3, "--keep-last", "3"], &["nothing to keep manifests from"]),
        (&["prune", s3, "--keep", "", "--older-than", "1h"], &["--keep is empty"]),
        (&["prune", s3, "--grace", "1h"], &["the grace is too short", "at least 25 h", "--force"]),
        (&["prune", "x"], &["unexpected argument"]),
        (&["prune", s3, "--max-age", "1h"], &["did you mean --older-than?"]),
        (&["forget", s3], &["did you mean prune?"]),
        (&["rm", s3], &["rm needs name=", "name=*"]),
        (&["rm"], &["rm needs the attributes"]),
        (&["copy"], &["copy needs --cache-from"]),
        (&["copy", "--cache-from", s3], &["copy needs --cache-to"]),
        (&["copy", s3, "--cache-to", s3], &["--cache-from and --cache-to"]),
        (&["promote", s3], &["did you mean copy?"]),
        (&["gc"], &["gc needs a directory"]),
        (&["gc", "x", "--keep-tag", ""], &["--keep-tag is empty"]),
    ] {
        run(arguments).expect(2).says(parts).says(&["error: ", "hint: "]);
    }
}

#[test]
fn rm_removes_names_and_patterns_only() {
    let bucket = Bucket::new();
    bucket.export("pr-2", 2);
    let named = |names: &str| format!("{},name={names}", bucket.store);
    let text = run(&["rm", &named("pr-*"), "--dry-run"]).expect(0).stdout;
    assert!(text.contains("would remove pr-1\nwould remove pr-2\n"), "{text}");
    run(&["rm", &named("pr-1;absent")]).expect(1).says(&["there is no manifest named absent"]);
    let left: Vec<String> = objects_of_dir(&bucket.path("manifests")).into_keys().collect();
    assert_eq!(left, ["main", "pr-2"]);
    assert!(bucket.own_blob(1).exists());
    fs::write(bucket.path("manifests/pr-2"), "{").unwrap();
    let result: Value = serde_json::from_str(&run(&["rm", &named("*"), "--json"]).expect(0).stdout).unwrap();
    assert_eq!(result["targets"][0]["removed"], serde_json::json!(["main", "pr-2"]));
}

#[test]
fn copy_promotes_and_moves() {
    let bucket = Bucket::new();
    let manifest = fs::read(bucket.path("manifests/pr-1")).unwrap();
    let named = |names: &str| format!("{},name={names}", bucket.store);
    let text = run(&["copy", "--cache-from", &named("pr-1"), "--cache-to", &named("main")]).expect(0).stdout;
    assert!(text.contains("copied 0 of 2 blobs (2 already there)"), "{text}");
    assert!(fs::read(bucket.path("manifests/main")).unwrap() == manifest);
    // To another prefix, in one store.
    let team = format!("{},prefix=team/", bucket.store);
    let result = run(&["copy", "--cache-from", &bucket.store, "--cache-to", &team, "--json"]).expect(0);
    let result: Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(result["targets"][0]["within_store"]["blobs"], 2);
    assert_eq!(result["targets"][0]["manifests"].as_array().unwrap().len(), 2);
    run(&["verify", &team, "--deep"]).expect(0);
    // To another store.
    let elsewhere = file_store(&bucket.root.path().join("elsewhere"));
    run(&["copy", "--cache-from", &named("pr-*"), "--cache-to", &elsewhere, "--dry-run"]).expect(0);
    assert!(!bucket.root.path().join("elsewhere").exists());
    run(&["copy", "--cache-from", &named("pr-*"), "--cache-to", &elsewhere]).expect(0);
    run(&["verify", &elsewhere, "--deep"]).expect(0);
    assert!(fs::read(bucket.root.path().join("elsewhere/trial/manifests/pr-1")).unwrap() == manifest);
    run(&["copy", "--cache-from", &named("absent"), "--cache-to", &elsewhere])
        .expect(1)
        .says(&["absent does not exist"]);
    let unnamed = run(&["copy", "--cache-from", &bucket.store, "--cache-to", &named("x")]);
    unnamed.expect(2).says(&["the source has no name="]);
}

#[test]
fn copy_names_what_it_could_not_copy() {
    let bucket = Bucket::new();
    fs::write(bucket.path("manifests/damaged"), "{").unwrap();
    let elsewhere = file_store(&bucket.root.path().join("elsewhere"));
    let copy = ["copy", "--cache-from", &bucket.store, "--cache-to", &elsewhere];
    let text =
        run(&copy).expect(5).says(&["error: cannot copy ", "manifests/damaged: ", "hint: export the cache again"]);
    assert!(text.stdout.contains(" · main\n") && text.stdout.contains(" · pr-1\n"), "{}", text.stdout);
    let result: Value = serde_json::from_str(&run(&[&copy[..], &["--json"]].concat()).expect(5).stdout).unwrap();
    assert_eq!(result["outcome"], "failed");
    let target = &result["targets"][0];
    assert_eq!((target["manifests"].as_array().unwrap().len(), &target["outcome"]), (2, &"failed".into()));
    let failed = &target["failed"][0];
    assert!(failed["manifests"][0].as_str().unwrap().ends_with("manifests/damaged"), "{failed}");
    assert_eq!(failed["error"]["kind"], "integrity");
    run(&["verify", &elsewhere, "--deep"]).expect(0);
}

/// Kills prunings at any moment, and lets another one complete them.
#[test]
fn killed_prunings_leave_a_sound_bucket() {
    let bucket = Bucket::new();
    for number in 2..30 {
        bucket.export(&format!("pr-{number}"), number);
    }
    bucket.age(HOUR * 100);
    bucket.export("main", 0);
    let saved = bucket.root.path().join("saved");
    copy_tree(&bucket.root.path().join("store"), &saved);
    let restored = |round: u32| bucket.root.path().join(format!("round-{round}"));
    let (begun, mut killed) = (SystemTime::now(), 0);
    for round in 0..20 {
        copy_tree(&saved, &restored(round));
        // The copies are new.
        let store = file_store(&restored(round));
        let arguments = ["prune", &store, "--older-than", "0s", "--keep", "main", "--now", "--grace", "0s", "--force"];
        let mut running = start(&arguments);
        thread::sleep(Duration::from_micros(700) * round);
        running.kill();
        killed += u32::from(running.finish(Duration::from_secs(60)).status == -1);
        run(&["verify", &store, "--deep"]).expect(0);
        run(&arguments).expect(0);
        run(&["verify", &store, "--deep"]).expect(0);
        let objects = objects_of_dir(&restored(round).join("trial"));
        assert_eq!(objects.len(), 3, "{:?}", objects.keys());
        fs::remove_dir_all(restored(round)).unwrap();
        if begun.elapsed().unwrap() > Duration::from_secs(4) {
            break;
        }
    }
    assert!(killed > 0, "no run was killed before its end");
}
