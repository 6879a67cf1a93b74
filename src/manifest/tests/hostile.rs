//! Files made to exhaust memory or the stack.

use crate::manifest::tests::{layer_json, refusal};
use crate::manifest::{CacheConfig, CacheConfigBuilder};

const LONG: usize = 100_000;

fn all_operations(config: &CacheConfig) -> CacheConfig {
    let (min, found) = config.clone().into_min();
    assert!(!found || min.layers == config.layers);
    let blob = config.layers.first().map(|layer| layer.blob);
    let kept = config.clone().without_blobs(&blob.into_iter().collect());
    assert!(blob.is_none_or(|blob| kept.layers.iter().all(|layer| layer.blob != blob)));
    CacheConfig::merge([("a".to_owned(), config.clone()), ("b".to_owned(), kept)]).unwrap()
}

#[test]
fn a_chain_of_100_000_layers_in_either_direction() {
    let layers = ["a", "b"].map(|name| layer_json(name, r#","parent":PARENT"#));
    for descending in [false, true] {
        let parent = |at: usize| if descending { (at + 1 < LONG).then_some(at + 1) } else { at.checked_sub(1) };
        let parent = |at: usize| parent(at).map_or_else(|| "-1".to_owned(), |parent| parent.to_string());
        let layer = |at: usize| layers[at % 2].replace("PARENT", &parent(at));
        let top = if descending { 0 } else { LONG - 1 };
        let json = format!(
            r#"{{"layers":[{}],"records":[{{"digest":"d","layers":[{{"layer":{top}}}]}}]}}"#,
            (0..LONG).map(layer).collect::<Vec<_>>().join(",")
        );
        let config = CacheConfig::from_s3_json(json.as_bytes()).unwrap();
        assert_eq!(config.layers.len(), LONG);
        if !descending {
            assert_eq!(all_operations(&config).layers.len(), LONG);
        }
    }
}

#[test]
fn a_ring_of_10_000_layers() {
    let layer = |at: usize| layer_json("a", &format!(r#","parent":{}"#, (at + 1) % 10_000));
    let json = format!(r#"{{"layers":[{}]}}"#, (0..10_000).map(layer).collect::<Vec<_>>().join(","));
    assert!(refusal(&json).contains("1 problem: layer 0 is its own ancestor"));
}

#[test]
fn a_chain_of_100_000_records_in_either_direction() {
    for descending in [false, true] {
        let link = |at: usize| if descending { (at + 1 < LONG).then_some(at + 1) } else { at.checked_sub(1) };
        let linked_to = |link: usize| format!(r#"{{"digest":"d","inputs":[[{{"link":{link}}}]]}}"#);
        let record = |at: usize| link(at).map_or_else(|| r#"{"digest":"d"}"#.to_owned(), linked_to);
        let json = format!(r#"{{"records":[{}]}}"#, (0..LONG).map(record).collect::<Vec<_>>().join(","));
        let config = CacheConfig::from_s3_json(json.as_bytes()).unwrap();
        assert_eq!(config.records.len(), LONG);
        if !descending {
            assert_eq!(all_operations(&config).records.len(), LONG);
        }
        let top = if descending { 0 } else { LONG - 1 };
        let ring = json.replacen(r#"{"digest":"d"}"#, &linked_to(top), 1);
        assert!(refusal(&ring).contains("1 problem: record 0 is its own input"));
    }
}

#[test]
fn a_ladder_of_records_with_2_to_the_1000_paths() {
    let mut builder = CacheConfigBuilder::new();
    let mut below = [builder.record("l", []), builder.record("r", [])];
    for _ in 0..1000 {
        let inputs = || [below.map(|record| (record, "")).to_vec()];
        below = [builder.record("l", inputs()), builder.record("r", inputs())];
    }
    let config = builder.build().unwrap();
    assert_eq!(all_operations(&config).records.len(), 2002);
    assert_eq!(CacheConfig::from_s3_json(&config.to_s3_json()).unwrap(), config);
}

#[test]
fn a_million_records() {
    let json = format!(r#"{{"records":[{}{{"digest":"d"}}]}}"#, r#"{"digest":"d"},"#.repeat(999_999));
    assert_eq!(CacheConfig::from_s3_json(json.as_bytes()).unwrap().records().len(), 1_000_000);
    let empty = format!(r#"{{"records":[{}{{}}]}}"#, "{},".repeat(999_999));
    assert!(refusal(&empty).contains("1000000 problems"));
    // One record that is a million times its own input is one problem.
    let loops = format!(r#"{{"records":[{{"digest":"d","inputs":[[{}{{}}]]}}]}}"#, "{},".repeat(999_999));
    assert!(refusal(&loops).ends_with("1 problem: record 0 is its own input"));
}

#[test]
fn more_parts_than_any_real_config_are_refused_before_they_are_read() {
    let json = format!(r#"{{"records":[{}{{}}]}}"#, "{},".repeat(8_000_000));
    assert!(refusal(&json).contains("more than 8000000 objects and lists"));
}

#[test]
fn nesting_is_refused_or_skipped_without_recursion() {
    let deep = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(LONG), close.repeat(LONG));
    for json in [
        deep("[", "", "]"),
        deep(r#"{"layers":"#, "1", "}"),
        format!(r#"{{"layers":{}}}"#, deep("[", "", "]")),
        format!(r#"{{"records":[{{"inputs":{}}}]}}"#, deep("[", "", "]")),
        "[".repeat(LONG),
        format!(r#"{{"x":{}"#, "[".repeat(LONG)),
    ] {
        assert!(refusal(&json).starts_with("not a cache config: "));
    }
    let unknown = format!(r#"{{"x":{}}}"#, deep(r#"{"layers":["#, "", "]}"));
    assert_eq!(CacheConfig::from_s3_json(unknown.as_bytes()).unwrap(), CacheConfig::default());
}
