//! Laws that hold for every config. The definitions are repeated here in the simplest form, with recursion and whole
//! chains.

use std::collections::{BTreeSet, HashSet};
use std::io::Read as _;

use proptest::prelude::*;

use crate::base::{Digest, Hasher};
use crate::cache_config::canonical::canonical;
use crate::cache_config::tests::generated::{config, some_blobs, two_orders};
use crate::cache_config::tests::layer_json;
use crate::cache_config::{CacheConfig, Crown, Input, LayerIndex, Record, RecordIndex};
use crate::object::Payload as _;

type Chain = Vec<Digest>;

/// Returns the blobs of a layer's chain, from the layer towards the root.
fn chain(config: &CacheConfig, LayerIndex(layer): LayerIndex) -> Chain {
    let mut blobs = vec![config.layers[layer].blob];
    blobs.extend(config.layers[layer].parent.map(|parent| chain(config, parent)).unwrap_or_default());
    blobs
}

fn id(config: &CacheConfig, RecordIndex(record): RecordIndex) -> Digest {
    let record = &config.records[record];
    let mut hasher = Hasher::new();
    let mut text = |text: &[u8]| {
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text);
    };
    text(record.digest.as_bytes());
    text(&(record.inputs.len() as u64).to_be_bytes());
    for list in &record.inputs {
        let links: BTreeSet<_> = list.iter().map(|input| (&input.selector, id(config, input.link))).collect();
        text(&(links.len() as u64).to_be_bytes());
        for (selector, id) in links {
            text(selector.as_bytes());
            text(id.as_bytes());
        }
    }
    hasher.finish()
}

/// Returns the results of a record: whether each is listed, its chains, and the instant.
fn results(config: &CacheConfig, record: &Record) -> BTreeSet<(bool, Vec<Chain>, i128)> {
    let plain = record.results.iter().map(|result| (false, vec![chain(config, result.layer)], &result.created_at));
    let listed = record.chains.iter().map(|listed| {
        let layers = listed.layers.iter().map(|layer| chain(config, *layer)).collect();
        (true, layers, &listed.created_at)
    });
    plain.chain(listed).map(|(listed, layers, time)| (listed, layers, time.instant())).collect()
}

/// Returns the meaning of configs, regardless of their order and the spelling of their times.
fn meaning(configs: &[&CacheConfig]) -> (BTreeSet<Chain>, BTreeSet<Digest>, BTreeSet<(Digest, String)>) {
    let (mut chains, mut records, mut all_results) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for config in configs {
        chains.extend((0..config.layers.len()).map(|at| chain(config, LayerIndex(at))));
        for (at, record) in config.records.iter().enumerate() {
            let id = id(config, RecordIndex(at));
            records.insert(id);
            all_results.extend(results(config, record).into_iter().map(|result| (id, format!("{result:?}"))));
        }
    }
    (chains, records, all_results)
}

/// Returns whether the config is in the canonical order, without duplicates.
fn is_canonical(config: &CacheConfig) -> bool {
    let layers: Vec<Chain> = (0..config.layers.len()).map(|at| chain(config, LayerIndex(at))).collect();
    let link =
        |input: &Input| (config.records[input.link.0].digest.clone(), input.selector.clone(), id(config, input.link));
    let keys = config.records.iter().enumerate().map(|(at, record)| {
        let lists: Vec<BTreeSet<_>> = record.inputs.iter().map(|list| list.iter().map(link).collect()).collect();
        let lengths: Vec<usize> = lists.iter().map(BTreeSet::len).collect();
        let pairs =
            lists.iter().map(|list| list.iter().map(|(digest, selector, _)| (digest.clone(), selector.clone())));
        let pairs: Vec<Vec<(Box<str>, Box<str>)>> = pairs.map(Iterator::collect).collect();
        (record.digest.clone(), lengths.len(), lengths, pairs, id(config, RecordIndex(at)))
    });
    let mut inputs = config.records.iter().flat_map(|record| &record.inputs);
    layers.is_sorted_by(|a, b| a < b)
        && keys.is_sorted_by(|a, b| a < b)
        && inputs.all(|list| list.is_sorted_by_key(|input| (input.link, &input.selector)))
}

/// Keeps the input results from which a kept result is layered, by trying all combinations.
fn keep_inputs(config: &CacheConfig, kept: &mut BTreeSet<usize>, chain: impl Fn(LayerIndex) -> Vec<usize>) {
    let blobs = |layer| chain(layer).iter().rev().map(|at| config.layers[*at].blob).collect::<Vec<_>>();
    loop {
        let before = kept.len();
        for record in config.records.iter().filter(|record| record.inputs.len() > 1) {
            for whole in
                record.results.iter().map(|result| result.layer).filter(|at| kept.contains(&at.0)).collect::<Vec<_>>()
            {
                let mut ways: Vec<Vec<LayerIndex>> = vec![Vec::new()];
                for list in &record.inputs {
                    let results = list.iter().flat_map(|input| &config.records[input.link.0].results);
                    let options: BTreeSet<LayerIndex> = results.map(|result| result.layer).collect();
                    let longer = |way: &Vec<LayerIndex>, option: &LayerIndex| [way.as_slice(), &[*option]].concat();
                    ways = ways.iter().flat_map(|way| options.iter().map(move |option| longer(way, option))).collect();
                }
                let fits = |way: &&Vec<LayerIndex>| {
                    way.iter().flat_map(|layer| blobs(*layer)).collect::<Vec<_>>() == blobs(whole)
                };
                let layers = ways.iter().filter(fits).flatten().flat_map(|layer| chain(*layer)).collect::<Vec<_>>();
                kept.extend(layers);
            }
        }
        if kept.len() == before {
            return;
        }
    }
}

/// `mode=min`, as defined.
fn min(config: &CacheConfig) -> (CacheConfig, bool) {
    fn first_with_results(config: &CacheConfig, at: usize, found: &mut BTreeSet<usize>) {
        let record = &config.records[at];
        if !record.results.is_empty() || !record.chains.is_empty() {
            found.insert(at);
            return;
        }
        record.inputs.iter().flatten().for_each(|input| first_with_results(config, input.link.0, found));
    }
    fn with_ancestors(config: &CacheConfig, LayerIndex(layer): LayerIndex) -> Vec<usize> {
        let mut layers = vec![layer];
        layers.extend(config.layers[layer].parent.into_iter().flat_map(|parent| with_ancestors(config, parent)));
        layers
    }
    let linked: BTreeSet<usize> =
        config.records.iter().flat_map(|record| record.inputs.iter().flatten()).map(|input| input.link.0).collect();
    let mut found = BTreeSet::new();
    (0..config.records.len()).filter(|at| !linked.contains(at)).for_each(|at| {
        first_with_results(config, at, &mut found);
    });
    if found.is_empty() {
        return (config.clone(), false);
    }
    let mut kept = BTreeSet::new();
    for record in found.iter().map(|at| &config.records[*at]) {
        kept.extend(record.results.iter().flat_map(|result| with_ancestors(config, result.layer)));
    }
    keep_inputs(config, &mut kept, |layer| with_ancestors(config, layer));
    for record in found.iter().map(|at| &config.records[*at]) {
        kept.extend(record.chains.iter().flat_map(|chain| &chain.layers).map(|layer| layer.0));
    }
    let place = |LayerIndex(old)| kept.iter().position(|at| *at == old).map(LayerIndex);
    let mut out = config.clone();
    out.layers = kept.iter().map(|at| config.layers[*at].clone()).collect();
    for layer in &mut out.layers {
        layer.parent = layer.parent.and_then(place);
    }
    for record in &mut out.records {
        let results = record.results.iter();
        let results = results.filter(|result| with_ancestors(config, result.layer).iter().all(|at| kept.contains(at)));
        record.results = results.cloned().collect();
        let chains = record.chains.iter().filter(|chain| chain.layers.iter().all(|at| kept.contains(&at.0)));
        record.chains = chains.cloned().collect();
        record.results.iter_mut().for_each(|result| result.layer = place(result.layer).unwrap());
        record.chains.iter_mut().flat_map(|chain| &mut chain.layers).for_each(|at| *at = place(*at).unwrap());
    }
    (out, true)
}

proptest! {
    #[test]
    fn a_written_config_reads_back_equal(config in config()) {
        let json = config.to_s3_json();
        let read = CacheConfig::from_s3_json(&json).unwrap();
        prop_assert_eq!(&read, &config);
        prop_assert_eq!(read.to_s3_json(), json);
    }

    #[test]
    fn the_request_body_equals_the_written_manifest(config in config(), buffer in 1_usize..300) {
        let json = config.to_s3_json();
        let payload = config.s3_payload(Crown::Plain);
        prop_assert_eq!((payload.size(), payload.sha256().unwrap()), (json.len() as u64, Digest::of(&json)));
        let (mut sent, mut reader, mut buffer) = (Vec::new(), payload.open().unwrap(), vec![0; buffer]);
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => break,
                read => sent.extend_from_slice(&buffer[..read]),
            }
        }
        prop_assert_eq!(sent, json);
    }

    #[test]
    fn a_local_round_trip_changes_only_annotations_of_repeated_blobs(config in config()) {
        let json = config.to_local_json(Crown::Plain);
        let local = CacheConfig::from_local_json(&json, &config.descriptors().collect::<Vec<_>>()).unwrap();
        prop_assert_eq!(local.to_local_json(Crown::Plain), json);
        for (layer, written) in local.layers.iter().zip(&config.layers) {
            let last = config.layers.iter().rfind(|layer| layer.blob == written.blob).unwrap();
            let mut expected = last.annotations.clone();
            expected.created_at = expected.created_at.to_utc().unwrap();
            prop_assert_eq!(&layer.annotations, &expected);
        }
    }

    #[test]
    fn the_canonical_order_does_not_depend_on_the_input_order((config, other) in two_orders()) {
        let sorted = canonical(&config);
        prop_assert!(is_canonical(&sorted), "{:?}", sorted);
        prop_assert_eq!(meaning(&[&sorted]), meaning(&[&config]));
        prop_assert_eq!(&canonical(&other), &sorted);
        prop_assert_eq!(&canonical(&sorted), &sorted);
        prop_assert_eq!(CacheConfig::from_s3_json(&sorted.to_s3_json()).unwrap(), sorted);
    }

    #[test]
    fn mode_min_matches_its_definition_and_is_idempotent(config in config()) {
        let (kept, found) = config.clone().into_min();
        prop_assert_eq!((&kept, found), (&min(&config).0, min(&config).1));
        prop_assert_eq!(&kept.clone().into_min(), &(kept.clone(), found));
        prop_assert_eq!(&CacheConfig::from_s3_json(&kept.to_s3_json()).unwrap(), &kept);
    }

    #[test]
    fn without_blobs_drops_exactly_what_needs_them(config in config(), lost in some_blobs()) {
        let kept = config.clone().without_blobs(&lost);
        prop_assert_eq!(&CacheConfig::from_s3_json(&kept.to_s3_json()).unwrap(), &kept);
        prop_assert!(kept.layers.iter().all(|layer| !lost.contains(&layer.blob)));
        prop_assert_eq!(&kept.clone().without_blobs(&lost), &kept);
        let whole = |layer| chain(&config, layer).iter().all(|blob| !lost.contains(blob));
        for (old, new) in config.records.iter().zip(&kept.records) {
            prop_assert_eq!((&old.digest, &old.inputs), (&new.digest, &new.inputs));
            let expected: Vec<_> = old.results.iter().filter(|result| whole(result.layer))
                .map(|result| (chain(&config, result.layer), result.created_at)).collect();
            let results: Vec<_> = new.results.iter()
                .map(|result| (chain(&kept, result.layer), result.created_at)).collect();
            prop_assert_eq!(results, expected);
            let blobs = |config: &CacheConfig, layers: &[LayerIndex]| -> Vec<Digest> {
                layers.iter().map(|layer| config.layers[layer.0].blob).collect()
            };
            let expected: Vec<_> = old.chains.iter().map(|chain| (blobs(&config, &chain.layers), chain.created_at))
                .filter(|(blobs, _)| blobs.iter().all(|blob| !lost.contains(blob))).collect();
            let chains: Vec<_> =
                new.chains.iter().map(|chain| (blobs(&kept, &chain.layers), chain.created_at)).collect();
            prop_assert_eq!(chains, expected);
        }
        prop_assert_eq!(config.clone().without_blobs(&HashSet::new()), config);
    }
}

#[test]
fn mode_min_drops_nothing_if_no_record_has_results() {
    let json = format!(r#"{{"layers":[{}],"records":[{{"digest":"d"}}]}}"#, layer_json("a", r#","parent":-1"#));
    let config = CacheConfig::from_s3_json(json.as_bytes()).unwrap();
    assert_eq!(config.clone().into_min(), (config, false));
}
