//! Caches written by BuildKit, merged by an independent prototype.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::builds::Random;
use super::importer::{import, with_crown};
use super::laws::{all_found, imports_whole};
use super::{CROWN, FIXTURES, merge, read};
use crate::cache_config::CacheConfig;
use crate::cache_config::canonical::canonical;
use crate::go::Timestamp;

/// Reads a manifest without the record that links to all leaves, which the prototype adds.
pub(super) fn without_crown(manifest: &[u8]) -> CacheConfig {
    let mut config: Value = serde_json::from_slice(manifest).unwrap();
    let records = config["records"].as_array_mut().unwrap();
    if let Some(at) = records.iter().position(|record| record["digest"] == CROWN) {
        records.remove(at);
        let links = records.iter_mut().filter_map(|record| record.get_mut("inputs"));
        for input in links.flat_map(|inputs| inputs.as_array_mut().unwrap()).flat_map(|l| l.as_array_mut().unwrap()) {
            let link = input["link"].as_u64().unwrap();
            assert_ne!(link, at as u64);
            input["link"] = (link - u64::from(link > at as u64)).into();
        }
    }
    CacheConfig::from_s3_json(config.to_string().as_bytes()).unwrap()
}

/// Returns the config in canonical order. The prototype gives all layers with one blob the same creation time.
pub(super) fn comparable(mut config: CacheConfig) -> CacheConfig {
    config.layers.iter_mut().for_each(|layer| layer.annotations.created_at = Timestamp::ZERO);
    canonical(&config)
}

fn sources(case: &str) -> Vec<CacheConfig> {
    let count = fs::read_dir(format!("{FIXTURES}/{case}")).unwrap().count();
    let names = (1..count).map(|at| format!("{case}/in-{at}.json"));
    names
        .filter(|name| fs::exists(format!("{FIXTURES}/{name}")).unwrap())
        .map(|name| without_crown(&read(&name)))
        .collect()
}

/// The caches, and the number of sources of each.
const CASES: [(&str, usize); 9] = [
    ("1-fan-out", 3),
    ("2-two-lineages-interleaved", 2),
    ("3-other-definition-same-content", 3),
    ("4-winner-has-no-consumer", 2),
    ("5-matrix", 2),
    ("6-copy-link", 2),
    ("7-mode-min", 2),
    ("8-local-context", 2),
    ("9-mount", 2),
];

#[test]
fn caches_of_buildkit_merge_as_in_the_prototype() {
    for (case, count) in CASES {
        let mut sources = sources(case);
        assert_eq!(sources.len(), count, "{case}");
        let expected = comparable(without_crown(&read(&format!("{case}/merged.json"))));
        for _ in 0..count {
            assert!(comparable(merge(&sources)) == expected, "{case}");
            sources.rotate_left(1);
        }
    }
}

#[test]
fn buildkit_finds_every_record_of_every_source() {
    for (case, _) in CASES {
        let sources = sources(case);
        let merged = merge(&sources);
        sources.iter().for_each(|source| all_found(source, &merged).unwrap());
        (0..25).for_each(|seed| imports_whole(&merged, seed).unwrap());
    }
}

/// The same as above, without what makes it work: the importer loses links of a config with several leaves, and merges
/// records of a union.
#[test]
fn buildkit_loses_links_without_the_crown_and_merges_records_of_a_union() {
    let problems = |config: &CacheConfig| -> BTreeSet<String> {
        (0..100).flat_map(|seed| import(config, &mut Random::new(seed))).collect()
    };
    let lost = problems(&merge(&sources("1-fan-out")));
    assert!(!lost.is_empty() && lost.iter().all(|problem| problem.contains("lost a link")), "{lost:?}");
    let union = without_crown(&read("2-two-lineages-interleaved/merged-by-0.x.json"));
    let merged = problems(&with_crown(&union));
    assert!(merged.iter().any(|problem| problem.contains("was merged with another record")), "{merged:?}");
}
