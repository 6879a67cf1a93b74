//! Exports and imports of every fixture, with a directory in place of a store.

use std::fs;
use std::path::Path;

use super::caches::copy_tree;
use super::{file_store, run};
use crate::fixture;

#[test]
fn an_exported_fixture_is_restored_unchanged() {
    for (fixture, tag, layers) in
        [("max", "latest", 10), ("min", "latest", 3), ("max-index", "latest", 10), ("two-tags", "second", 10)]
    {
        let work = tempfile::tempdir().unwrap();
        let (source, store) = (format!("tests/fixtures/{fixture}/local"), file_store(&work.path().join("store")));
        let exported = run(&["export", &source, "--tag", tag, "--cache-to", &format!("{store},name=a;b")]).expect(0);
        let line = exported.last_line();
        assert!(line.starts_with(&format!("exported {layers} of {layers} blobs · ")), "{fixture}: {line}");
        assert!(line.ends_with(" · a, b"), "{line}");
        let manifests = work.path().join("store/trial/manifests");
        assert_eq!(fs::read(manifests.join("a")).unwrap(), fs::read(manifests.join("b")).unwrap());

        let restored = work.path().join("restored");
        let directory = restored.to_str().unwrap();
        run(&["import", directory, "--cache-from", &format!("{store},name=b")]).expect(0);
        // Repeating the export transfers nothing.
        let again = run(&["export", directory, "--cache-to", &format!("{store},name=c")]).expect(0);
        assert!(again.last_line().starts_with(&format!("exported 0 of {layers} blobs ({layers} already there)")));
        assert_eq!(fs::read(manifests.join("a")).unwrap(), fs::read(manifests.join("c")).unwrap());
        let again = run(&["import", directory, "--cache-from", &format!("{store},name=b")]).expect(0);
        assert!(again.last_line().starts_with(&format!("restored 0 of {layers} blobs ({layers} already there)")));
    }
}

#[test]
fn the_manifest_equals_buildkits_own() {
    for (fixture, tag, attributes, manifest) in [
        ("max", "latest", "", "max/s3-manifest.json"),
        ("max", "latest", ",mode=min", "min/s3-manifest.json"),
        ("max-index", "latest", "", "max/s3-manifest.json"),
        ("min", "latest", "", "min/s3-manifest.json"),
        ("two-tags", "first", "", "max/s3-manifest.json"),
        ("two-tags", "second", "", "two-tags/s3-manifest-second.json"),
    ] {
        let work = tempfile::tempdir().unwrap();
        let store = format!("{}{attributes}", file_store(work.path()));
        let source = format!("type=local,src=tests/fixtures/{fixture}/local,tag={tag}");
        run(&["export", &source, "--cache-to", &store]).expect(0);
        let written = fs::read(work.path().join("trial/manifests/buildkit")).unwrap();
        assert!(written == fs::read(format!("tests/fixtures/{manifest}")).unwrap(), "{fixture}{attributes}");
    }
}

#[test]
fn a_directory_is_given_in_buildx_notation_by_digest_or_without_a_tag() {
    let work = tempfile::tempdir().unwrap();
    let (source, store) = (work.path().join("source"), file_store(&work.path().join("store")));
    copy_tree(Path::new("tests/fixtures/min/local"), &source);
    let index = source.join("index.json");
    let text = fs::read_to_string(&index).unwrap();
    let digest = text.split("\"digest\":\"").nth(1).unwrap().split('"').next().unwrap();
    fs::write(&index, text.replace("org.opencontainers.image.ref.name", "other")).unwrap();
    let source = source.to_str().unwrap();
    let buildx = "mode=max,ignore-error=true,reset=true,compression=zstd,compression-level=3,force-compression=true,\
                  oci-mediatypes=true,image-manifest=true";
    for directory in [
        source.to_owned(),
        format!("type=local,src={source},digest={digest}"),
        format!("type=local,dest={source},{buildx}"),
    ] {
        run(&["export", &directory, "--cache-to", &store]).expect(0);
    }
    let absent = format!("type=local,src={source},digest=sha256:{}", "0".repeat(64));
    run(&["export", &absent, "--cache-to", &store]).expect(2).says(&["there is no manifest", digest]);
    let both = format!("type=local,src={source},digest={digest}");
    run(&["export", &both, "--tag", "v1", "--cache-to", &store]).expect(2).says(&["--tag", "digest="]);
    // For an import the digest has no effect, and the entry without a tag is kept.
    let target = format!("type=local,dest={source},digest={digest}");
    run(&["import", &target, "--tag", "v1", "--cache-from", &store, "--sync"]).expect(0);
    let text = fs::read_to_string(&index).unwrap();
    assert!(text.contains("\"other\":\"latest\"") && text.contains("\"v1\""), "{text}");
}

#[test]
fn a_miss_is_reported_and_writes_nothing() {
    let work = tempfile::tempdir().unwrap();
    let (store, target) = (file_store(&work.path().join("store")), work.path().join("new/restored"));
    let directory = target.to_str().unwrap();
    let named = format!("{store},prefix=p/,name=app;main");
    let miss = run(&["import", directory, "--cache-from", &store, "--cache-from", &named]).expect(0);
    assert!(miss.last_line().starts_with("no cache found"), "{}", miss.stdout);
    for key in ["trial/manifests/buildkit", "trial/p/manifests/app", "trial/p/manifests/main"] {
        assert!(miss.last_line().contains(key), "{}", miss.stdout);
    }
    run(&["import", directory, "--cache-from", &store, "--fail-on-miss"]).expect(3);
    assert_eq!(fs::read_dir(work.path()).unwrap().count(), 0);
}

#[test]
fn a_dry_run_reports_what_it_would_do_and_writes_nothing() {
    let work = tempfile::tempdir().unwrap();
    let (store, target) = (file_store(&work.path().join("store")), work.path().join("restored"));
    let export = ["export", "tests/fixtures/max/local", "--cache-to", &store];
    let dry = run(&[&export[..], &["--dry-run"]].concat()).expect(0);
    assert!(dry.last_line().starts_with("would export 10 of 10 blobs"), "{}", dry.stdout);
    assert_eq!(fs::read_dir(work.path()).unwrap().count(), 0);
    run(&export).expect(0);
    let import = ["import", target.to_str().unwrap(), "--cache-from", &store, "--dry-run"];
    let dry = run(&import).expect(0);
    assert!(dry.last_line().starts_with("would restore 10 of 10 blobs"), "{}", dry.stdout);
    assert!(!target.exists());
}

#[test]
fn an_expired_blob_costs_only_its_layer() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(&work.path().join("store"));
    run(&["export", "tests/fixtures/max/local", "--cache-to", &store]).expect(0);
    let blobs = work.path().join("store/trial/blobs");
    let gone = "sha256:6a6dc3084967287b564240682c1d1cbc50303e88a795bc13addda12b1779ffcb";
    fs::remove_file(blobs.join(gone)).unwrap();
    let target = work.path().join("restored");
    let import = ["import", target.to_str().unwrap(), "--cache-from", &store];
    let strict = run(&[&import[..], &["--strict"]].concat()).expect(5).says(&[gone, "hint: ", "leave out --strict"]);
    assert!(strict.stdout.is_empty() && !target.join("index.json").exists());
    let kept = run(&import).expect(0).says(&["warning: ", gone, "layers were dropped"]);
    assert!(kept.last_line().contains("1 lost"), "{}", kept.stdout);
    // What was kept is a complete cache.
    let again = file_store(&work.path().join("again"));
    run(&["export", target.to_str().unwrap(), "--cache-to", &again]).expect(0);
}

#[test]
fn a_cache_that_lost_every_root_is_reported_and_restores_nothing() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(&work.path().join("store"));
    run(&["export", "tests/fixtures/min/local", "--cache-to", &store]).expect(0);
    for blob in fs::read_dir(work.path().join("store/trial/blobs")).unwrap() {
        fs::remove_file(blob.unwrap().path()).unwrap();
    }
    let target = work.path().join("restored");
    let import = ["import", target.to_str().unwrap(), "--cache-from", &store];
    let lost = run(&import).expect(0).says(&["3 of 3 layers were dropped, nothing is left to restore"]);
    assert!(lost.last_line().starts_with("no layer could be restored from"), "{}", lost.stdout);
    assert!(!target.exists());
    run(&[&import[..], &["--fail-on-miss"]].concat()).expect(3);
    let json = run(&[&import[..], &["--json"]].concat()).expect(0).stdout;
    // The layers are stacked: blobs that only dropped layers need are not counted.
    assert!(json.contains("\"missing\":1") && json.contains("\"outcome\":\"miss\""), "{json}");
}

#[test]
fn several_caches_are_merged_and_a_failing_one_is_skipped() {
    let work = tempfile::tempdir().unwrap();
    let (one, two) = (file_store(&work.path().join("one")), file_store(&work.path().join("two")));
    run(&["export", "tests/fixtures/max/local", "--cache-to", &one]).expect(0);
    run(&["export", "tests/fixtures/two-tags/local", "--tag", "second", "--cache-to", &two]).expect(0);
    fs::write(work.path().join("broken"), "").unwrap();
    let broken = file_store(&work.path().join("broken"));
    let target = work.path().join("restored");
    let import = |sources: &[&str], more: &[&str]| {
        let sources = sources.iter().flat_map(|source| ["--cache-from", source]);
        run(&["import", target.to_str().unwrap()]
            .into_iter()
            .chain(sources)
            .chain(more.iter().copied())
            .collect::<Vec<_>>())
    };
    import(&[&broken], &[]).expect(1);
    import(&[&one, &broken, &two], &["--strict"]).expect(1);
    assert!(!target.exists());
    let merged = import(&[&one, &broken, &two], &[]).expect(0).says(&["warning: skipping a source"]);
    assert!(merged.last_line().starts_with("restored 12 of 12 blobs"), "{}", merged.stdout);
}

#[test]
fn every_target_is_tried_and_the_first_failure_is_the_status() {
    let work = tempfile::tempdir().unwrap();
    let good = file_store(&work.path().join("good"));
    fs::write(work.path().join("broken"), "").unwrap();
    let broken = file_store(&work.path().join("broken"));
    let export = ["export", "tests/fixtures/min/local", "--cache-to", &broken, "--cache-to", &good];
    run(&export).expect(1).says(&["error: export to"]);
    assert!(work.path().join("good/trial/manifests/buildkit").exists());
    let ignored = format!("{broken},ignore-error=true");
    run(&["export", "tests/fixtures/min/local", "--cache-to", &ignored]).expect(0).says(&["warning: ", "ignore-error"]);
}

#[test]
fn verify_existing_replaces_corrupt_blobs_in_exports_and_imports() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(&work.path().join("store"));
    let source = work.path().join("source");
    fixture::copy("min", &source);
    let export = ["export", source.to_str().unwrap(), "--cache-to", &store];
    run(&export).expect(0);
    let digest = "6a6dc3084967287b564240682c1d1cbc50303e88a795bc13addda12b1779ffcb";
    let stored = work.path().join(format!("store/trial/blobs/sha256:{digest}"));
    let good = fs::read(&stored).unwrap();
    let bad = vec![b'x'; good.len()];
    fs::write(&stored, &bad).unwrap();
    assert!(run(&export).expect(0).last_line().starts_with("exported 0 of 3"));
    let verified = run(&[&export[..], &["--verify-existing"]].concat()).expect(0).says(&[digest]);
    assert!(verified.last_line().starts_with("exported 1 of 3"), "{}", verified.stdout);
    assert_eq!(fs::read(&stored).unwrap(), good);

    let restored = work.path().join("restored");
    let import = ["import", restored.to_str().unwrap(), "--cache-from", &store];
    run(&import).expect(0);
    let local = restored.join(format!("blobs/sha256/{digest}"));
    fs::remove_file(&local).unwrap();
    fs::write(&local, &bad).unwrap();
    assert!(run(&import).expect(0).last_line().starts_with("restored 0 of 3"));
    assert!(run(&[&import[..], &["--verify-existing"]].concat()).expect(0).last_line().starts_with("restored 1 of 3"));
    assert_eq!(fs::read(&local).unwrap(), good);
}
