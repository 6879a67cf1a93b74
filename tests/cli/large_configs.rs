//! Caches that BuildKit reads from S3, but not from a directory.

use std::fs;
use std::path::Path;

use s3_build_cache::Digest;

use super::{file_store, run};

const TIME: &str = r#""createdAt":"2026-01-01T00:00:00Z""#;

/// Returns a config with one layer and `count` records, each linked to the previous one.
fn records(prefix: &str, count: usize) -> String {
    let digest = |kind: &str, at: usize| Digest::of(format!("{prefix}{kind}{at}").as_bytes());
    let (blob, diff) = (Digest::of(b"blob"), Digest::of(b"diff"));
    let layer = format!(
        r#"{{"blob":"{blob}","parent":-1,"annotations":{{"mediaType":"m","diffID":"{diff}","size":4,{TIME}}}}}"#
    );
    let record = |at: usize| {
        let inputs = match at.checked_sub(1) {
            Some(link) => format!(r#","inputs":[[{{"selector":"{}","link":{link}}}]]"#, digest("selector", at)),
            None => String::new(),
        };
        format!(r#"{{"layers":[{{"layer":0,{TIME}}}],"digest":"{}"{inputs}}}"#, digest("record", at))
    };
    let records: Vec<String> = (0..count).map(record).collect();
    format!(r#"{{"layers":[{layer}],"records":[{}]}}"#, records.join(","))
}

fn write_store(store: &Path, manifests: &[(&str, String)]) {
    let bucket = store.join("trial");
    for folder in ["blobs", "manifests"] {
        fs::create_dir_all(bucket.join(folder)).unwrap();
    }
    fs::write(bucket.join("blobs").join(Digest::of(b"blob").to_string()), "blob").unwrap();
    for (name, json) in manifests {
        fs::write(bucket.join("manifests").join(name), json).unwrap();
    }
}

#[test]
fn import_and_export_warn_about_a_config_that_buildkit_does_not_read() {
    let work = tempfile::tempdir().unwrap();
    let (store, dir) = (work.path().join("store"), work.path().join("dir"));
    write_store(&store, &[("large", records("", 5000))]);
    let parts = [
        "warning: BuildKit cannot read this cache from a directory",
        "5000 records",
        "the limit is 1048576 bytes (1 MiB)",
        "type=s3",
    ];
    let from = format!("{},name=large", file_store(&store));
    let doctor = run(&["doctor", &from]).expect(0);
    assert!(doctor.stdout.contains("  note: BuildKit cannot read this cache from a directory"), "{}", doctor.stdout);
    assert_eq!(doctor.last_line(), "no check failed; see the note above");
    run(&["import", dir.to_str().unwrap(), "--cache-from", &from, "--dry-run"]).expect(0).says(&parts);
    assert!(!dir.exists());
    let import = run(&["import", dir.to_str().unwrap(), "--cache-from", &from]).expect(0).says(&parts);
    let to = file_store(&work.path().join("other"));
    let export = run(&["export", dir.to_str().unwrap(), "--cache-to", &to, "--dry-run"]).expect(0).says(&parts);
    for run in [import, export] {
        assert!(!run.stderr.contains("mode=min") && !run.stderr.contains("fewer names"), "{}", run.stderr);
    }
}

#[test]
fn fewer_names_are_suggested_if_a_single_one_is_small_enough() {
    let work = tempfile::tempdir().unwrap();
    let (store, dir) = (work.path().join("store"), work.path().join("dir"));
    let (a, b) = (records("a", 3000), records("b", 3000));
    write_store(&store, &[("a", a), ("b", b), ("small", records("c", 10))]);
    let import = |name: &str| {
        let from = format!("{},name={name}", file_store(&store));
        run(&["import", dir.to_str().unwrap(), "--cache-from", &from]).expect(0).stderr
    };
    assert!(import("a;b").contains("or import fewer names"));
    assert!(!import("a").contains("BuildKit cannot read"));
}
