//! The command `gc`.

use std::fs;
use std::path::Path;

use super::caches::{dir_is_sound, no_temporaries, write_cache};
use super::run;
use crate::s3::blobs::Blobs;

fn files(dir: &Path) -> usize {
    fs::read_dir(dir.join("blobs/sha256")).unwrap().count()
}

/// A directory in which a second cache has replaced the first, under another tag if one is given.
fn twice(dir: &Path, tag: Option<&str>) -> [Blobs; 2] {
    let caches = [Blobs::seeded(0, &[100, 200]), Blobs::seeded(50, &[300, 400])];
    write_cache(&caches[0], dir);
    if let Some(tag) = tag {
        let index = fs::read_to_string(dir.join("index.json")).unwrap();
        fs::write(dir.join("index.json"), index.replace("\"latest\"", &format!("\"{tag}\""))).unwrap();
    }
    write_cache(&caches[1], dir);
    caches
}

#[test]
fn blobs_of_a_replaced_cache_are_removed() {
    let work = tempfile::tempdir().unwrap();
    let caches = twice(work.path(), None);
    let dir = work.path().to_str().unwrap();
    assert_eq!(files(work.path()), 8);
    let text = run(&["gc", dir, "--dry-run"]).expect(0).stdout;
    assert!(text.starts_with("would remove 4 blobs"), "{text}");
    assert_eq!(files(work.path()), 8);
    // What a killed import leaves behind.
    fs::create_dir(work.path().join(".s3-build-cache")).unwrap();
    fs::write(work.path().join(".s3-build-cache/x"), "x").unwrap();
    fs::write(work.path().join("blobs/sha256/notes.txt"), "kept").unwrap();
    let result: serde_json::Value = serde_json::from_str(&run(&["gc", dir, "--json"]).expect(0).stdout).unwrap();
    assert_eq!((&result["outcome"], &result["blobs"], &result["kept"]), (&"collected".into(), &4.into(), &4.into()));
    fs::remove_file(work.path().join("blobs/sha256/notes.txt")).unwrap();
    assert_eq!(files(work.path()), 4);
    no_temporaries(work.path());
    assert_eq!(dir_is_sound(work.path(), &[&caches[1].config]), Some(0));
    assert!(run(&["gc", dir]).expect(0).stdout.starts_with("removed 0 blobs"));
}

#[test]
fn tags_that_are_not_kept_lose_their_entries() {
    let work = tempfile::tempdir().unwrap();
    let caches = twice(work.path(), Some("old"));
    let dir = work.path().to_str().unwrap();
    assert!(run(&["gc", dir]).expect(0).stdout.starts_with("removed 0 blobs"));
    run(&["gc", dir, "--keep-tag", "latest", "--keep-tag", "v1"]).expect(2).says(&["v1", "\"latest\", \"old\""]);
    let text = run(&["gc", dir, "--keep-tag", "latest"]).expect(0).stdout;
    assert!(text.starts_with("removed 1 entry and 4 blobs"), "{text}");
    assert_eq!(dir_is_sound(work.path(), &[&caches[1].config]), Some(0));
    run(&["export", dir, "--tag", "old", "--cache-to", "type=s3,bucket=abc,region=r"]).expect(2);
}

#[test]
fn an_index_of_manifests_is_followed() {
    let work = tempfile::tempdir().unwrap();
    for name in fs::read_dir("tests/fixtures").unwrap().map(|entry| entry.unwrap().path().join("local")) {
        if !name.join("index.json").exists() {
            continue;
        }
        let dir = work.path().join("dir");
        super::caches::copy_tree(&name, &dir);
        let before = files(&dir);
        run(&["gc", dir.to_str().unwrap()]).expect(0);
        assert_eq!(files(&dir), before, "{}", name.display());
        fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn nothing_is_removed_if_a_manifest_is_damaged_or_missing() {
    let work = tempfile::tempdir().unwrap();
    twice(work.path(), None);
    let dir = work.path().to_str().unwrap();
    let index = fs::read_to_string(work.path().join("index.json")).unwrap();
    let digest = index.split("sha256:").nth(1).unwrap().get(..64).unwrap();
    let path = work.path().join("blobs/sha256").join(digest);
    fs::remove_file(&path).unwrap();
    run(&["gc", dir]).expect(5).says(&["is missing"]);
    assert_eq!(files(work.path()), 7);
    run(&["gc", work.path().join("absent").to_str().unwrap()]).expect(1).says(&["No such file"]);
}
