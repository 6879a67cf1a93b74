//! A model of exports: each merges with the existing manifest and drops what was not exported recently. It shows that a
//! merge reports the places of records well enough for this.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fixtures::{comparable, without_crown};
use super::{CROWN, merge, read};
use crate::cache_config::model::Alternatives;
use crate::cache_config::tests::time;
use crate::cache_config::{CacheConfig, RecordIndex};

/// The minute in which records were last exported, by position.
type Times = BTreeMap<usize, i128>;

/// A cache, and when its leaves were last exported.
#[derive(Clone, Debug, PartialEq)]
struct Exported {
    config: CacheConfig,
    times: Times,
}

/// Returns a record and all that it links to, directly or through others.
fn with_inputs(config: &CacheConfig, record: usize) -> BTreeSet<usize> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![record]);
    while let Some(at) = open.pop() {
        if seen.insert(at) {
            open.extend(config.records[at].inputs.iter().flatten().map(|input| input.link.0));
        }
    }
    seen
}

fn leaves(config: &CacheConfig) -> Vec<usize> {
    let merged = CacheConfig::merge_with_origins([(String::new(), config.clone())]).unwrap();
    merged.origins.leaves.iter().map(|leaf| leaf.record.0).collect()
}

/// Exports `own` at a minute, and drops what was last exported more than four minutes before.
fn export(own: CacheConfig, present: Option<Exported>, now: i128) -> Exported {
    let present = present.unwrap_or_else(|| Exported { config: CacheConfig::default(), times: Times::new() });
    let times = [leaves(&own).into_iter().map(|leaf| (leaf, now)).collect(), present.times];
    let sources = [own, present.config].map(|config| (String::new(), config));
    let merged = CacheConfig::merge_with_origins(sources).unwrap();
    let mut moved = Times::new();
    for (source, times) in merged.origins.sources.iter().zip(&times) {
        for (record, minute) in times {
            let place = source.place(RecordIndex(*record)).unwrap().0;
            moved.entry(place).and_modify(|known| *known = minute.max(known).to_owned()).or_insert(*minute);
        }
    }
    let config = merged.config;
    assert!(leaves(&config).iter().all(|leaf| moved.contains_key(leaf)));
    let covered = |(record, minute): (&usize, &i128)| {
        let mut others = moved.iter().filter(|(other, theirs)| *other != record && *theirs >= minute);
        others.any(|(other, _)| with_inputs(&config, *other).contains(record))
    };
    let kept: Times = moved.iter().filter(|entry| !covered(*entry)).map(|(at, minute)| (*at, *minute)).collect();
    let newest = kept.values().max().copied().unwrap();
    let kept: Times = kept.into_iter().filter(|(_, minute)| newest - minute <= 4).collect();
    let records: BTreeSet<usize> = kept.keys().flat_map(|at| with_inputs(&config, *at)).collect();
    only(&config, &records, &kept)
}

/// Returns the config with these records only. They link to nothing else.
fn only(config: &CacheConfig, records: &BTreeSet<usize>, times: &Times) -> Exported {
    let place = |record: usize| records.iter().position(|at| *at == record).unwrap();
    let mut rest = CacheConfig { layers: config.layers.clone(), ..CacheConfig::default() };
    rest.records = records.iter().map(|at| config.records[*at].clone()).collect();
    for input in rest.records.iter_mut().flat_map(|record| &mut record.inputs).flat_map(Alternatives::as_mut_slice) {
        input.link = RecordIndex(place(input.link.0));
    }
    // Merging with nothing drops unused layers and keeps the order.
    let config = merge(&[rest, CacheConfig::default()]);
    Exported { config, times: times.iter().map(|(at, minute)| (place(*at), *minute)).collect() }
}

/// Returns the minutes that the crown of a manifest gives, with the digests of the records.
fn minutes_in_crown(manifest: &[u8]) -> Vec<(String, i128)> {
    let config: Value = serde_json::from_slice(manifest).unwrap();
    let records = config["records"].as_array().unwrap();
    let crown = records.iter().find(|record| record["digest"] == CROWN).unwrap();
    let minute = |link: &Value| {
        let record = &records[usize::try_from(link["link"].as_u64().unwrap()).unwrap()];
        let since = time(link["selector"].as_str().unwrap()).instant() - time("2026-11-26T19:00:00Z").instant();
        (record["digest"].as_str().unwrap().to_owned(), since / 60_000_000_000)
    };
    let mut minutes: Vec<_> = crown["inputs"][0].as_array().unwrap().iter().map(minute).collect();
    minutes.sort();
    minutes
}

#[test]
fn exports_in_turn_keep_what_was_exported_lately() {
    let source = |at: i128| without_crown(&read(&format!("10-exports-with-times/in-{at}.json")));
    let exported = (1..=7).fold(None, |present, at| Some(export(source(at), present, at - 1))).unwrap();
    let expected = read("10-exports-with-times/merged.json");
    assert_eq!(comparable(exported.config.clone()), comparable(without_crown(&expected)));
    let named = |(at, minute): (&usize, &i128)| (exported.config.records[*at].digest.to_string(), *minute);
    let mut minutes: Vec<_> = exported.times.iter().map(named).collect();
    minutes.sort();
    assert_eq!(minutes, minutes_in_crown(&expected));
    assert_eq!(export(source(7), Some(exported.clone()), 6), exported);
}
