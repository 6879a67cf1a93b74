//! Output of BuildKit, compared byte for byte.

use std::fs;

use serde_json::Value;

use crate::base::Digest;
use crate::cache_config::{CacheConfig, Crown, Descriptor};
use crate::go::read_go_json;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

fn read(path: &str) -> Vec<u8> {
    fs::read(format!("{FIXTURES}/{path}")).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn read_blob(dir: &str, digest: &Value) -> Vec<u8> {
    read(&format!("{dir}/blobs/sha256/{}", digest.as_str().unwrap().strip_prefix("sha256:").unwrap()))
}

/// Returns the digest and bytes of the cache config with that tag in a local cache, and the descriptors of its layers.
fn local(dir: &str, tag: &str) -> (String, Vec<u8>, Vec<Descriptor>) {
    let index: Value = serde_json::from_slice(&read(&format!("{dir}/index.json"))).unwrap();
    let manifests = index["manifests"].as_array().unwrap();
    let entry = manifests.iter().find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == tag);
    let manifest: Value = serde_json::from_slice(&read_blob(dir, &entry.unwrap()["digest"])).unwrap();
    let (config, layers): (&Value, Vec<&Value>) = match manifest.get("config") {
        Some(config) => (config, manifest["layers"].as_array().unwrap().iter().collect()),
        None => {
            let all = manifest["manifests"].as_array().unwrap().iter();
            let (configs, layers): (Vec<&Value>, _) =
                all.partition(|entry| entry["mediaType"] == "application/vnd.buildkit.cacheconfig.v0");
            (configs[0], layers)
        }
    };
    let descriptors = layers.into_iter().map(|layer| read_go_json(layer.to_string().as_bytes()).unwrap()).collect();
    (config["digest"].as_str().unwrap().to_owned(), read_blob(dir, &config["digest"]), descriptors)
}

/// Each local cache with one of its tags, and the manifest that BuildKit wrote to S3 for the same build.
const PAIRS: [(&str, &str, &str); 5] = [
    ("max/local", "latest", "max/s3-manifest.json"),
    ("max-index/local", "latest", "max/s3-manifest.json"),
    ("min/local", "latest", "min/s3-manifest.json"),
    ("two-tags/local", "first", "max/s3-manifest.json"),
    ("two-tags/local", "second", "two-tags/s3-manifest-second.json"),
];

#[test]
fn an_s3_manifest_round_trips_byte_for_byte() {
    let more = ["max/s3-manifest-branch-main.json"];
    for path in PAIRS.iter().map(|(_, _, manifest)| *manifest).chain(more) {
        let bytes = read(path);
        assert!(CacheConfig::from_s3_json(&bytes).unwrap().to_s3_json() == bytes, "{path}");
    }
}

#[test]
fn a_local_cache_converts_to_buildkits_s3_manifest() {
    for (dir, tag, manifest) in PAIRS {
        let (_, bytes, descriptors) = local(dir, tag);
        let config = CacheConfig::from_local_json(&bytes, &descriptors).unwrap();
        assert!(config.to_s3_json() == read(manifest), "{dir} {tag}");
        assert!(config.to_local_json(Crown::Omit) == bytes, "{dir} {tag}");
    }
}

#[test]
fn an_s3_manifest_converts_to_buildkits_local_config_and_descriptors() {
    for (dir, tag, manifest) in PAIRS {
        let (digest, _, descriptors) = local(dir, tag);
        let config = CacheConfig::from_s3_json(&read(manifest)).unwrap();
        assert_eq!(Digest::of(&config.to_local_json(Crown::Omit)).to_string(), digest, "{dir} {tag}");
        // The index form lists each descriptor once.
        if dir != "max-index/local" {
            assert_eq!(
                format!("{:?}", config.descriptors().collect::<Vec<_>>()),
                format!("{descriptors:?}"),
                "{dir} {tag}"
            );
        }
    }
}

#[test]
fn mode_min_matches_buildkits() {
    let max = CacheConfig::from_s3_json(&read("max/s3-manifest.json")).unwrap();
    let (min, found) = max.clone().into_min();
    assert!(found);
    assert!(min.to_s3_json() == read("min/s3-manifest.json"));
    assert_eq!(min.clone().into_min(), (min, true));
}

/// The result of a link copy is a layer of its own, from which the final result is layered.
#[test]
fn mode_min_matches_buildkits_for_linked_copies() {
    for build in ["link", "link2", "l3"] {
        let max = CacheConfig::from_s3_json(&read(&format!("link/{build}-max.json"))).unwrap();
        let (min, found) = max.clone().into_min();
        assert!(found);
        assert!(min.to_s3_json_with(Crown::Omit) == read(&format!("link/{build}-min.json")), "{build}");
        assert_eq!(min.clone().into_min(), (min, true), "{build}");
    }
}

/// BuildKit wrote two leaves here, of which its importer loses links. One record more makes it keep them.
#[test]
fn a_crown_is_the_only_difference_from_buildkits_bytes() {
    for path in ["link/l3-max.json", "link/l3-min.json"] {
        let bytes = read(path);
        let config = CacheConfig::from_s3_json(&bytes).unwrap();
        assert!(config.to_s3_json_with(Crown::Omit) == bytes, "{path}");
        let digest = "sha256:f29827d31c8ec69615d4b8bc9791a0e3f7d0123f8ccc4806c76a1cc59c12e6c3";
        let crown = format!(r#",{{"digest":"{digest}","inputs":[[{{"link":15}},{{"link":16}}]]}}"#);
        let json = config.to_s3_json();
        assert_eq!(String::from_utf8(json.clone()).unwrap().replace(&crown, ""), String::from_utf8(bytes).unwrap());
        assert!(json.ends_with(format!("{crown}]}}").as_bytes()), "{path}");
        let again = CacheConfig::from_s3_json(&json).unwrap();
        assert_eq!((&again, again.to_s3_json()), (&config, json));
        // The starting points of `mode=min` are the leaves, not the crown.
        assert_eq!(again.into_min(), config.into_min());
    }
}

#[test]
fn merging_real_configs_keeps_all_of_them() {
    let read = |path| CacheConfig::from_s3_json(&read(path)).unwrap();
    let (max, min, second) =
        (read("max/s3-manifest.json"), read("min/s3-manifest.json"), read("two-tags/s3-manifest-second.json"));
    let named = |config: &CacheConfig| ("a source".to_owned(), config.clone());
    let merge = |configs: &[&CacheConfig]| CacheConfig::merge(configs.iter().map(|config| named(config))).unwrap();
    assert_eq!(merge(&[&max, &max]), max);
    // `min` is a subset of `max`, whose layers and records are already distinct.
    let with_min = merge(&[&min, &max]);
    assert_eq!((with_min.layers.len(), with_min.records.len()), (max.layers.len(), max.records.len()));
    let all = merge(&[&max, &second]);
    assert_eq!(all, merge(&[&second, &min, &max]));
    for config in [&max, &min, &second] {
        assert_eq!(merge(&[&all, config]), all);
        let blobs = all.blobs();
        assert!(config.blobs().iter().all(|blob| blobs.contains(blob)));
    }
    assert_eq!(CacheConfig::from_s3_json(&all.to_s3_json()).unwrap(), all);
}
