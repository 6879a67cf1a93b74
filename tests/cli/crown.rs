//! Caches with several leaves, such as those of several platforms: one record more links them, unless `exact=true`.

use std::fs;
use std::path::Path;

use s3_build_cache::LocalCache;
use s3_build_cache::cache_config::Crown;
use serde_json::{Value, json};

use super::caches::write_cache;
use super::{file_store, run};
use crate::s3::blobs::Blobs;

const CROWN_DIGEST: &str = "sha256:f29827d31c8ec69615d4b8bc9791a0e3f7d0123f8ccc4806c76a1cc59c12e6c3";

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// Returns the bytes of the config in a local cache, and whether its only manifest has the right size for it.
fn local_config(dir: &Path) -> Vec<u8> {
    let read = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap().replace(':', "/");
        let bytes = fs::read(dir.join("blobs").join(digest)).unwrap();
        assert_eq!(descriptor["size"], bytes.len());
        bytes
    };
    let index = parse(&fs::read(dir.join("index.json")).unwrap());
    read(&parse(&read(&index["manifests"][0]))["config"])
}

/// Removes the crown of a config, which must be the last record, and returns what it links to.
fn uncrowned(bytes: &[u8]) -> (Value, Vec<u64>) {
    let mut config = parse(bytes);
    let crown = config["records"].as_array_mut().unwrap().pop().unwrap();
    let links = crown["inputs"][0].as_array().unwrap().iter().map(|link| link["link"].as_u64().unwrap()).collect();
    assert_eq!(crown, json!({"digest": CROWN_DIGEST, "inputs": crown["inputs"]}));
    (config, links)
}

#[test]
fn exports_and_imports_of_several_leaves_add_one_record_that_exact_leaves_out() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    let store = file_store(&path("store"));
    let manifest = |name: &str| fs::read(path("store/trial/manifests").join(name)).unwrap();
    let export = |dir: &str, more: &str| {
        run(&["export", path(dir).to_str().unwrap(), "--cache-to", &format!("{store},{more}")]).expect(0);
    };
    let import = |dir: &str, more: &str| {
        run(&["import", path(dir).to_str().unwrap(), "--cache-from", &format!("{store},{more}")]).expect(0);
    };
    let blobs = Blobs::of(&[10, 20, 30]);
    write_cache(&blobs, &path("source"));

    export("source", "name=exact,exact=true");
    assert_eq!(manifest("exact"), blobs.config.to_s3_json_with(Crown::Omit));
    export("source", "name=crowned");
    assert_eq!(uncrowned(&manifest("crowned")), (parse(&manifest("exact")), vec![0, 1, 2]));

    // Whatever the source has, the target gets one or none.
    for (name, dir) in [("exact", "from-exact"), ("crowned", "from-crowned")] {
        import(dir, &format!("name={name}"));
        import(&format!("{dir}-exact"), &format!("name={name},exact=true"));
        let exact = local_config(&path(&format!("{dir}-exact")));
        assert_eq!(uncrowned(&local_config(&path(dir))), (parse(&exact), vec![0, 1, 2]));
        assert_eq!(LocalCache::open(path(dir), "latest").unwrap().load().unwrap(), blobs.config);
        for dir in [dir.to_owned(), format!("{dir}-exact")] {
            export(&dir, "name=again");
            assert_eq!(manifest("again"), manifest("crowned"), "{dir}");
            export(&dir, "name=again,exact=true");
            assert_eq!(manifest("again"), manifest("exact"), "{dir}");
        }
    }
}

#[test]
fn the_leaves_of_merged_caches_are_linked_unless_a_source_is_exact() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(&work.path().join("store"));
    for (name, size) in [("a", 10), ("b", 20)] {
        let source = work.path().join(name);
        write_cache(&Blobs::of(&[size]), &source);
        run(&["export", source.to_str().unwrap(), "--cache-to", &format!("{store},name={name}")]).expect(0);
    }
    let import = |dir: &str, sources: [&str; 2]| {
        let dir = work.path().join(dir);
        let [one, two] = sources.map(|name| format!("{store},name={name}"));
        run(&["import", dir.to_str().unwrap(), "--cache-from", &one, "--cache-from", &two]).expect(0);
        local_config(&dir)
    };
    let exact = import("exact", ["a", "b,exact=true"]);
    assert!(!String::from_utf8(exact.clone()).unwrap().contains(CROWN_DIGEST));
    let (config, links) = uncrowned(&import("crowned", ["a", "b"]));
    assert_eq!((config, links.len()), (parse(&exact), 2));
}

#[test]
fn times_and_more_crowns_in_a_manifest_are_not_imported() {
    let work = tempfile::tempdir().unwrap();
    let (source, store) = (work.path().join("source"), file_store(&work.path().join("store")));
    write_cache(&Blobs::of(&[10, 20]), &source);
    run(&["export", source.to_str().unwrap(), "--cache-to", &store]).expect(0);
    let path = work.path().join("store/trial/manifests/buildkit");
    let crowned = fs::read(&path).unwrap();
    let mut config = parse(&crowned);
    let records = config["records"].as_array_mut().unwrap();
    let timed = json!({"digest": CROWN_DIGEST, "inputs": [[{"selector": "2026-11-26T10:00:00Z", "link": 0}]]});
    records.extend([timed.clone(), timed]);
    fs::write(&path, config.to_string()).unwrap();
    let dir = work.path().join("restored");
    run(&["import", dir.to_str().unwrap(), "--cache-from", &store]).expect(0);
    assert_eq!(uncrowned(&local_config(&dir)).1, [0, 1]);
    run(&["export", dir.to_str().unwrap(), "--cache-to", &store]).expect(0);
    assert_eq!(fs::read(&path).unwrap(), crowned);
}
