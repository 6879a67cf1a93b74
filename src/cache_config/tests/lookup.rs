//! Looking up steps and the layers of their results.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;

use crate::base::Digest;
use crate::cache_config::tests::generated::config;
use crate::cache_config::tests::{annotations, blob, layer_json, time};
use crate::cache_config::{CacheConfig, CacheConfigBuilder, Layer, Record, RecordIndex, RecordResult};
use crate::go::Timestamp;

const LONG: usize = 100_000;

/// Returns what a caller may know about each input of a record: one of the alternatives.
fn known(record: &Record, choice: usize) -> Vec<Vec<(RecordIndex, &str)>> {
    record
        .inputs
        .iter()
        .map(|list| &list[choice % list.len()])
        .map(|input| vec![(input.link, &*input.selector)])
        .collect()
}

/// Returns the records of a step, by trying all pairs.
fn matching(config: &CacheConfig, digest: &str, inputs: &[Vec<(RecordIndex, &str)>]) -> Vec<RecordIndex> {
    let has = |at: usize, list: &[(RecordIndex, &str)], record: &Record| {
        record.inputs[at].iter().any(|input| list.contains(&(input.link, &input.selector)))
    };
    let matches = |record: &Record| {
        *record.digest == *digest
            && record.inputs.len() == inputs.len()
            && inputs.iter().enumerate().all(|(at, list)| has(at, list, record))
    };
    (0..config.records.len()).filter(|at| matches(&config.records[*at])).map(RecordIndex).collect()
}

proptest! {
    #[test]
    fn a_step_is_found_by_any_known_alternative_of_each_input(config in config(), choice in 0..4_usize, at in 0..8_usize) {
        for (index, record) in config.records.iter().enumerate() {
            let inputs = known(record, choice);
            let found = config.find(&record.digest, inputs.clone());
            prop_assert!(found.contains(&RecordIndex(index)));
            prop_assert_eq!(found, matching(&config, &record.digest, &inputs));
            // The inputs of one record with the digest of another.
            if let Some(other) = config.records.get(at) {
                let expected = matching(&config, &other.digest, &inputs);
                prop_assert_eq!(config.find(&other.digest, inputs), expected);
            }
        }
    }

    #[test]
    fn a_chain_ends_with_its_layer_and_each_layer_follows_its_parent(config in config()) {
        for record in &config.records {
            for result in &record.results {
                let chain = config.chain(result).unwrap();
                let parents: Vec<Option<&Layer>> = chain.iter().map(|layer| config.layer(layer.parent?)).collect();
                let below: Vec<Option<&Layer>> = [None].into_iter().chain(chain.iter().copied().map(Some)).collect();
                prop_assert_eq!(&parents, &below[..chain.len()]);
                prop_assert_eq!(chain.last().copied(), config.layer(result.layer));
            }
            for result in &record.chains {
                let layers: Vec<&Layer> = result.layers.iter().map(|at| &config.layers[at.0]).collect();
                prop_assert_eq!(config.chain(result), Some(layers));
            }
            let newest = record.newest_result().map(|result| result.created_at().instant());
            let results = record.results.iter().map(|result| result.created_at);
            let all = results.chain(record.chains.iter().map(|result| result.created_at));
            prop_assert_eq!(newest, all.map(|time| time.instant()).max());
        }
    }
}

/// Looks up every step bottom-up, like a build that has not changed.
#[test]
fn an_unchanged_build_finds_all_its_steps() {
    for path in ["max/s3-manifest.json", "min/s3-manifest.json", "link/l3-max.json"] {
        let config = CacheConfig::from_s3_json(&fs::read(format!("tests/fixtures/{path}")).unwrap()).unwrap();
        let mut found = BTreeSet::new();
        while found.len() < config.records.len() {
            let before = found.len();
            for record in &config.records {
                let known = record.inputs.iter().map(|list| {
                    let known = list.iter().filter(|input| found.contains(&input.link));
                    known.map(|input| (input.link, &*input.selector)).collect()
                });
                let inputs: Vec<Vec<_>> = known.collect();
                found.extend(config.find(&record.digest, inputs));
            }
            assert!(found.len() > before, "{path}: {found:?}");
        }
    }
}

#[test]
fn a_step_with_another_digest_selector_or_number_of_inputs_is_not_found() {
    let mut builder = CacheConfigBuilder::new();
    let source = builder.record("source", []);
    builder.record("step", [vec![(source, "main.rs")], vec![(source, "")]]);
    let config = builder.build().unwrap();
    let source = config.find("source", [])[0];
    let [main, whole, other] = ["main.rs", "", "lib.rs"].map(|selector| (source, selector));
    assert_eq!(config.find("step", [vec![main], vec![whole]]).len(), 1);
    assert_eq!(config.find("step", [vec![other, main], vec![whole, other]]).len(), 1);
    for inputs in [
        vec![],
        vec![vec![main]],
        vec![vec![main], vec![whole], vec![whole]],
        vec![vec![whole], vec![main]],
        vec![vec![main], vec![]],
        vec![vec![main], vec![other]],
        vec![vec![(RecordIndex(7), "main.rs")], vec![whole]],
    ] {
        assert_eq!(config.find("step", inputs.clone()), [], "{inputs:?}");
    }
    assert_eq!(config.find("STEP", [vec![main], vec![whole]]), []);
    assert_eq!(CacheConfig::default().find("step", []), []);
}

#[test]
fn all_records_of_a_step_are_found() {
    let json = r#"{"records":[{"digest":"a"},{"digest":"b"},{"digest":"s","inputs":[[{"link":0}]]},
        {"digest":"s","inputs":[[{"link":1},{"link":0}]]},{"digest":"s","inputs":[[{"link":1}]]}]}"#;
    let config = CacheConfig::from_s3_json(json.as_bytes()).unwrap();
    let find = |known: &[usize]| {
        let known = known.iter().map(|at| (RecordIndex(*at), "")).collect();
        config.find("s", [known]).into_iter().map(RecordIndex::get).collect::<Vec<_>>()
    };
    assert_eq!((find(&[0]), find(&[1]), find(&[0, 1])), (vec![2, 3], vec![3, 4], vec![2, 3, 4]));
}

#[test]
fn the_newest_result_counts_whatever_its_form() {
    let record = |fields: &str| {
        let layers = ["a", "b"].map(|name| layer_json(name, r#","parent":-1"#)).join(",");
        let json = format!(r#"{{"layers":[{layers}],"records":[{{"digest":"d"{fields}}}]}}"#);
        CacheConfig::from_s3_json(json.as_bytes()).unwrap().records[0].clone()
    };
    let newest = |fields: &str| {
        record(fields).newest_result().map(|result| match result {
            RecordResult::Layer(result) => vec![result.layer.0],
            RecordResult::Chain(result) => result.layers.iter().map(|layer| layer.0).collect(),
        })
    };
    let (old, new) = (r#""createdAt":"2026-01-02T03:00:00+02:00""#, r#""createdAt":"2026-01-02T02:00:00Z""#);
    assert_eq!(newest(""), None);
    assert_eq!(newest(r#","layers":[{"layer":1}]"#), Some(vec![1]));
    assert_eq!(newest(&format!(r#","layers":[{{"layer":0,{old}}},{{"layer":1,{new}}}]"#)), Some(vec![1]));
    assert_eq!(newest(&format!(r#","layers":[{{"layer":0,{new}}},{{"layer":1,{old}}}]"#)), Some(vec![0]));
    let both = |layer, chain| format!(r#","layers":[{{"layer":0,{layer}}}],"chains":[{{"layers":[0,1],{chain}}}]"#);
    assert_eq!((newest(&both(old, new)), newest(&both(new, old))), (Some(vec![0, 1]), Some(vec![0])));
    assert_eq!(newest(&both(new, new)), Some(vec![0]), "the first of two that are equally new");
}

#[test]
fn a_result_of_a_larger_config_has_no_chain() {
    let mut builder = CacheConfigBuilder::new();
    let layer = builder.layer(blob("a"), None, annotations("a"));
    let step = builder.record("step", []);
    builder.result(step, layer, Timestamp::ZERO);
    let config = builder.build().unwrap();
    let result = config.records[0].newest_result().unwrap();
    assert_eq!(config.chain(result).map(|layers| layers.len()), Some(1));
    assert_eq!(CacheConfig::default().chain(result), None);
    let json = br#"{"records":[{"digest":"d","chains":[{"layers":[]}]}]}"#;
    let config = CacheConfig::from_s3_json(json).unwrap();
    assert_eq!(config.chain(&config.records[0].chains[0]), Some(Vec::new()), "BuildKit reads a result without layers");
}

#[test]
fn a_chain_of_100_000_layers_and_steps() {
    let mut builder = CacheConfigBuilder::new();
    let (mut layer, mut step) = (None, None);
    let blobs: Vec<Digest> = (0..LONG).map(|at| blob(&at.to_string())).collect();
    for (at, blob) in blobs.iter().enumerate() {
        layer = Some(builder.layer(*blob, layer, annotations("a")));
        step = Some(builder.record(at.to_string(), step.map(|step| vec![(step, "")])));
    }
    builder.result(step.unwrap(), layer.unwrap(), time("2026-01-02T03:04:05Z"));
    let config = builder.build().unwrap();
    let mut step = config.find("0", []);
    for at in [1, 2, 3] {
        step = config.find(&at.to_string(), [step.iter().map(|record| (*record, "")).collect()]);
        assert_eq!(step.len(), 1);
    }
    let result = config.records.iter().find_map(Record::newest_result).unwrap();
    let chain: Vec<Digest> = config.chain(result).unwrap().iter().map(|layer| layer.blob).collect();
    assert!(chain == blobs);
}

#[test]
fn known_inputs_and_alternatives_are_not_multiplied() {
    let mut builder = CacheConfigBuilder::new();
    let source = builder.record("source", []);
    let selectors: Vec<String> = (0..LONG).map(|at| at.to_string()).collect();
    let list = |from: usize| selectors[from..].iter().step_by(2).map(|selector| &**selector);
    builder.record("step", [list(0).map(|selector| (source, selector)).collect::<Vec<_>>()]);
    let config = builder.build().unwrap();
    let source = config.find("source", [])[0];
    let known = |from: usize| list(from).map(|selector| (source, selector)).collect::<Vec<_>>();
    assert_eq!(config.find("step", [known(1)]), []);
    assert_eq!(config.find("step", [known(0)]).len(), 1);
}
