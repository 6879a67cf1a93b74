//! Input crafted to exhaust memory or the stack.

use crate::cache_config::tests::{annotations, blob, layer_json, refusal, time};
use crate::cache_config::{Alternatives, CacheConfig, CacheConfigBuilder, Input};

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
fn a_chain_of_100_000_layers_is_read_in_either_direction() {
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
fn a_ring_of_10_000_layers_is_refused() {
    let layer = |at: usize| layer_json("a", &format!(r#","parent":{}"#, (at + 1) % 10_000));
    let json = format!(r#"{{"layers":[{}]}}"#, (0..10_000).map(layer).collect::<Vec<_>>().join(","));
    assert!(refusal(&json).contains("1 problem: layer 0 is its own ancestor"));
}

#[test]
fn a_chain_of_100_000_records_is_read_in_either_direction() {
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
fn a_ladder_of_records_with_2_to_the_1000_paths_is_read() {
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
fn a_million_records_are_read() {
    let json = format!(r#"{{"records":[{}{{"digest":"d"}}]}}"#, r#"{"digest":"d"},"#.repeat(999_999));
    assert_eq!(CacheConfig::from_s3_json(json.as_bytes()).unwrap().records().len(), 1_000_000);
    let empty = format!(r#"{{"records":[{}{{}}]}}"#, "{},".repeat(999_999));
    assert!(refusal(&empty).contains("1000000 problems"));
    // A record that is its own input a million times is one problem.
    let loops = format!(r#"{{"records":[{{"digest":"d","inputs":[[{}{{}}]]}}]}}"#, "{},".repeat(999_999));
    assert!(refusal(&loops).ends_with("1 problem: record 0 is its own input"));
}

#[test]
fn more_objects_than_any_real_config_has_are_refused_before_parsing() {
    let json = format!(r#"{{"records":[{}{{}}]}}"#, "{},".repeat(8_000_000));
    assert!(refusal(&json).contains("more than 8000000 objects and lists"));
}

#[test]
fn deep_nesting_is_refused_or_skipped_without_recursion() {
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

#[test]
fn the_value_of_a_replaced_duplicate_key_is_ignored() {
    let good = layer_json("a", r#","parent":-1"#);
    let json = format!(
        r#"{{"layers":[{{}},{{"parent":9}}],"layers":[{good}],"records":[{{"digest":"d","layers":[{{"layer":7}}],"layers":[{{}}]}}]}}"#
    );
    let config = CacheConfig::from_s3_json(json.as_bytes()).unwrap();
    assert_eq!((config.layers.len(), config.records[0].results.len()), (1, 1));
    assert_eq!(config.records[0].results[0].layer.0, 0);
    let json = format!(
        r#"{{"layers":[{good},{good}],"layers":[{good}],"records":[{{"digest":"d","layers":[{{"layer":1}}]}}]}}"#
    );
    assert!(refusal(&json).contains("1 problem: record 0: layer 1 is out of range: the config has 1 layer"));
}

#[test]
fn a_single_alternative_is_stored_without_a_list() {
    assert_eq!(size_of::<Alternatives>(), size_of::<Input>());
    let json = r#"{"records":[{"digest":"a"},{"digest":"b","inputs":[[{}],[{},{"selector":"s"}]]}]}"#;
    let config = CacheConfig::from_s3_json(json.as_bytes()).unwrap();
    let inputs = &config.records[1].inputs;
    assert_eq!(inputs.iter().map(|list| list.len()).collect::<Vec<_>>(), [1, 2]);
    let input = inputs[0][0].clone();
    assert_eq!(Alternatives::new(vec![input.clone()]), Alternatives::one(input));
}

#[test]
fn many_alternatives_with_many_results_are_not_multiplied() {
    const MANY: usize = 30_000;
    let mut builder = CacheConfigBuilder::new();
    let layer = builder.layer(blob("a"), None, annotations("a"));
    let [shared, other] = ["shared", "other"].map(|name| builder.record(name, []));
    for at in 0..MANY {
        let another = builder.layer(blob(&at.to_string()), None, annotations(&at.to_string()));
        builder.result(shared, another, time("2026-01-02T03:04:05Z"));
    }
    let selectors: Vec<String> = (0..MANY).map(|at| at.to_string()).collect();
    let list = || selectors.iter().map(|selector| (shared, selector.as_str())).collect::<Vec<_>>();
    let top = builder.record("top", [list(), vec![(other, "")], list()]);
    builder.result(top, layer, time("2026-01-02T03:04:05Z"));
    let (min, found) = builder.build().unwrap().into_min();
    assert_eq!((min.layers.len(), found), (1, true));
}
