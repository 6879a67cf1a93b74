//! Small configs for property tests, with few names so that much is shared.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::base::Digest;
use crate::cache_config::tests::{annotations, blob, time};
use crate::cache_config::{
    Alternatives, Annotations, CacheConfig, CacheResult, ChainedResult, Input, Layer, LayerIndex, Record, RecordIndex,
};
use crate::go::Timestamp;

/// Zero, one instant written in three ways, and others.
const TIMES: [&str; 6] = [
    "0001-01-01T00:00:00Z",
    "2026-01-02T03:00:00Z",
    "2026-01-02T05:00:00+02:00",
    "2026-01-02T01:00:00-02:00",
    "2026-01-02T04:00:00+02:00",
    "2025-12-31T23:59:59.5Z",
];

fn times() -> impl Strategy<Value = Timestamp> {
    (0..TIMES.len()).prop_map(|at| time(TIMES[at]))
}

/// Returns one of the earlier elements, or `None` if there are none.
fn earlier(at: usize, choice: usize) -> Option<usize> {
    (at > 0).then(|| choice % at)
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let layer = (0..4_usize, any::<Option<u8>>(), 0..2_usize, times());
    vec(layer, 0..8).prop_map(|layers| {
        let layer = |(at, (name, parent, media_type, created_at)): (usize, (usize, Option<u8>, usize, Timestamp))| {
            let name = ["a", "b", "c", "d"][name];
            let media_type = ["application/vnd.oci.image.layer.v1.tar+gzip", ""][media_type].to_owned();
            let parent = parent.and_then(|choice| earlier(at, choice.into())).map(LayerIndex);
            let annotations = Annotations { media_type, created_at, ..annotations(name) };
            Layer { blob: blob(name), parent, annotations }
        };
        layers.into_iter().enumerate().map(layer).collect()
    })
}

type Draft = (usize, Vec<Vec<(u8, usize)>>, Vec<(u8, Timestamp)>, Vec<(Vec<u8>, Timestamp)>);

fn record((at, draft): (usize, Draft), layers: usize) -> Record {
    let (name, inputs, results, chains) = draft;
    let input = |(choice, selector): (u8, usize)| {
        let link = RecordIndex(earlier(at, choice.into())?);
        Some(Input { selector: ["", "x", "<y>"][selector].into(), link })
    };
    let inputs = inputs.into_iter().map(|list| Alternatives::new(list.into_iter().filter_map(input).collect()));
    let layer = |choice: u8| earlier(layers, choice.into()).map(LayerIndex);
    let result = |(choice, created_at)| Some(CacheResult { layer: layer(choice)?, created_at });
    let chain = |(choices, created_at): (Vec<u8>, Timestamp)| ChainedResult {
        layers: choices.into_iter().filter_map(layer).collect(),
        created_at,
    };
    Record {
        digest: ["r", "s", "t"][name].into(),
        inputs: inputs.filter(|list| !list.is_empty()).collect(),
        results: results.into_iter().filter_map(result).collect(),
        chains: chains.into_iter().map(chain).collect(),
    }
}

fn ordered() -> impl Strategy<Value = CacheConfig> {
    let inputs = vec(vec((any::<u8>(), 0..3_usize), 1..4), 0..3);
    let results = vec((any::<u8>(), times()), 0..2);
    let chains = prop_oneof![3 => Just(Vec::new()), 1 => vec((vec(any::<u8>(), 0..4), times()), 1..3)];
    let drafts = vec((0..3_usize, inputs, results, chains), 0..8);
    (layers(), drafts).prop_map(|(layers, drafts)| {
        let records = drafts.into_iter().enumerate().map(|draft| record(draft, layers.len())).collect();
        CacheConfig { layers, records, ..CacheConfig::default() }
    })
}

/// Returns the same config with its layers and records reordered; `order[at]` is the element that moves to `at`.
pub(in crate::cache_config) fn reordered(config: &CacheConfig, layers: &[usize], records: &[usize]) -> CacheConfig {
    let layer = |LayerIndex(old)| LayerIndex(layers.iter().position(|at| *at == old).unwrap());
    let link = |RecordIndex(old)| RecordIndex(records.iter().position(|at| *at == old).unwrap());
    let mut out = CacheConfig {
        layers: layers.iter().map(|at| config.layers[*at].clone()).collect(),
        records: records.iter().map(|at| config.records[*at].clone()).collect(),
        ..CacheConfig::default()
    };
    for moved in &mut out.layers {
        moved.parent = moved.parent.map(layer);
    }
    for record in &mut out.records {
        record.inputs.iter_mut().flat_map(Alternatives::as_mut_slice).for_each(|input| input.link = link(input.link));
        record.results.iter_mut().for_each(|result| result.layer = layer(result.layer));
        record.chains.iter_mut().flat_map(|chain| &mut chain.layers).for_each(|index| *index = layer(*index));
    }
    out
}

/// Generates a config, and the same config in another order.
pub(in crate::cache_config) fn two_orders() -> impl Strategy<Value = (CacheConfig, CacheConfig)> {
    ordered().prop_flat_map(|config| {
        let layers = Just((0..config.layers.len()).collect::<Vec<_>>()).prop_shuffle();
        let records = Just((0..config.records.len()).collect::<Vec<_>>()).prop_shuffle();
        (Just(config), layers, records).prop_map(|(config, layers, records)| {
            let other = reordered(&config, &layers, &records);
            (config, other)
        })
    })
}

/// Generates a config with its layers and records in any order.
pub(in crate::cache_config) fn config() -> impl Strategy<Value = CacheConfig> {
    two_orders().prop_map(|(_, config)| config)
}

/// Generates a subset of the blobs in the configs.
pub(super) fn some_blobs() -> impl Strategy<Value = HashSet<Digest>> {
    proptest::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4)
        .prop_map(|names| names.into_iter().map(blob).collect())
}
