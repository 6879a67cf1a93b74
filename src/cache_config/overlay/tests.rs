mod builds;
mod differential;
mod exports;
mod fixtures;
mod hostile;
mod importer;
mod laws;
mod levels;
mod origins;

use std::fs;

use serde_json::Value;

use crate::cache_config::model::{
    Alternatives, CacheConfig, CacheResult, ChainedResult, Input, Layer, LayerIndex, Record, RecordIndex,
};
use crate::cache_config::tests::{annotations, blob, time};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/merge");

/// The digest of the record that links to all leaves: the SHA-256 of "s3-build-cache: several leaves".
const CROWN: &str = "sha256:f29827d31c8ec69615d4b8bc9791a0e3f7d0123f8ccc4806c76a1cc59c12e6c3";

fn read(path: &str) -> Vec<u8> {
    fs::read(format!("{FIXTURES}/{path}")).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn merge(configs: &[CacheConfig]) -> CacheConfig {
    let named = configs.iter().enumerate().map(|(at, config)| (format!("source {at}"), config.clone()));
    CacheConfig::merge(named).unwrap()
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn list<T>(value: &Value, item: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(item).collect()
}

/// Reads a config from its short form: layers as `[name, parent]`, records as `[digest, inputs, results]`, links as
/// `[selector, record]`, and results as `[layer or layers, minute]`.
fn short(value: &Value) -> CacheConfig {
    let layer = |value: &Value| {
        let name = value[0].as_str().unwrap();
        let parent = value[1].as_u64().map(|_| LayerIndex(index(&value[1])));
        Layer { blob: blob(name), parent, annotations: annotations(name) }
    };
    let input =
        |value: &Value| Input { selector: value[0].as_str().unwrap().into(), link: RecordIndex(index(&value[1])) };
    let record = |value: &Value| {
        let (mut results, mut chains) = (Vec::new(), Vec::new());
        for result in value[2].as_array().unwrap() {
            let minute = index(&result[1]);
            let created_at =
                time(&format!("2026-01-{:02}T{:02}:{:02}:00Z", 1 + minute / 1440, minute / 60 % 24, minute % 60));
            match result[0].as_u64() {
                Some(_) => results.push(CacheResult { layer: LayerIndex(index(&result[0])), created_at }),
                None => {
                    let layers = list(&result[0], |layer| LayerIndex(index(layer))).into();
                    chains.push(ChainedResult { layers, created_at });
                }
            }
        }
        let inputs = list(&value[1], |links| Alternatives::new(list(links, input)));
        Record {
            digest: value[0].as_str().unwrap().into(),
            inputs: inputs.into(),
            results: results.into(),
            chains: chains.into(),
        }
    };
    let mut config = CacheConfig { layers: list(&value[0], layer), ..CacheConfig::default() };
    config.records = list(&value[1], record);
    config
}
