//! Laws of merging. Some hold only for configs without cycles of steps that BuildKit's importer would merge, and
//! without contradictions within one config. They are tested with caches of builds.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::builds::{Random, builds};
use super::importer::{import, with_crown};
use super::merge;
use crate::cache_config::overlay::graph::{Graph, Link};
use crate::cache_config::overlay::order::ordered;
use crate::cache_config::overlay::place::{Overlay, overlay};
use crate::cache_config::overlay::table::Table;
use crate::cache_config::overlay::work::Work;
use crate::cache_config::tests::generated::{config, two_orders};
use crate::cache_config::{CacheConfig, Record, RecordIndex, RecordResult};

/// Returns a config's graph as a merge uses it.
fn graph(source: usize, records: &[Record], table: &Table) -> Graph {
    let (nodes, _) = ordered(table.graph(source, records), table);
    overlay(&nodes, &[], table, &mut Work::new()).unwrap().graph
}

/// Asserts that an overlay of the first config on the second keeps its links and results. Only a record without a
/// result may give up the key of a content.
fn strong_stays(strong: &CacheConfig, weak: &CacheConfig) -> Result<(), TestCaseError> {
    let records = [strong.records.clone(), weak.records.clone()];
    let table = Table::new(vec![strong.layers.clone(), weak.layers.clone()], &records);
    let [strong, weak] = [0, 1].map(|source| graph(source, &records[source], &table));
    let Overlay { graph, images: [images, _], .. } = overlay(&strong, &weak, &table, &mut Work::new()).unwrap();
    for (node, image) in strong.iter().zip(&images) {
        let kept = &graph[*image as usize];
        prop_assert_eq!(node.digest, kept.digest);
        prop_assert!(node.result.is_none_or(|own| kept.result.is_some_and(|kept| kept.layers == own.layers)));
        for (links, kept_links) in node.inputs.iter().zip(&kept.inputs) {
            for link in links {
                let may_go = node.result.is_none() && strong[link.record as usize].inputs.is_empty();
                let moved = Link { record: images[link.record as usize], ..*link };
                prop_assert!(may_go || kept_links.contains(&moved));
            }
        }
    }
    Ok(())
}

/// Asserts that each result is the newest one of a record with the same digest in a source, and that each layer is part
/// of a result.
fn nothing_is_made_up(sources: &[CacheConfig], merged: &CacheConfig) -> Result<(), TestCaseError> {
    let described = |config: &CacheConfig, record: &Record, newest: bool| {
        let results = record.results.iter().map(RecordResult::from).chain(record.chains.iter().map(RecordResult::from));
        let newest_at = record.newest_result().map(|result| result.created_at().instant());
        let results = results.filter(|result| !newest || Some(result.created_at().instant()) == newest_at);
        let blobs =
            |result: RecordResult<'_>| config.chain(result).unwrap().iter().map(|layer| layer.blob).collect::<Vec<_>>();
        let describe = |result: RecordResult<'_>| (record.digest.clone(), result.created_at().instant(), blobs(result));
        results.map(describe).collect::<Vec<_>>()
    };
    let newest = |config: &CacheConfig| -> BTreeSet<_> {
        config.records.iter().flat_map(|record| described(config, record, true)).collect()
    };
    let known: BTreeSet<_> = sources.iter().flat_map(newest).collect();
    prop_assert!(newest(merged).is_subset(&known));
    let mut unused = vec![true; merged.layers.len()];
    for record in &merged.records {
        let listed = record.chains.iter().flat_map(|chain| &chain.layers);
        for layer in record.results.iter().map(|result| &result.layer).chain(listed) {
            merged.ancestry(*layer).for_each(|layer| unused[layer.0] = false);
        }
    }
    prop_assert!(!unused.contains(&true));
    Ok(())
}

/// Returns the records of `merged` that a build finds in place of each record of `source`: it knows the digests, the
/// contents and whatever it found for the inputs.
fn found(source: &CacheConfig, merged: &CacheConfig) -> Vec<Vec<RecordIndex>> {
    fn fill(source: &CacheConfig, merged: &CacheConfig, at: usize, found: &mut Vec<Option<Vec<RecordIndex>>>) {
        if found[at].is_none() {
            let record = &source.records[at];
            record.inputs.iter().flatten().for_each(|input| fill(source, merged, input.link.0, found));
            let known = record.inputs.iter().map(|list| {
                let of = |link: RecordIndex| found[link.0].clone().unwrap();
                list.iter().flat_map(|input| of(input.link).into_iter().map(|at| (at, &*input.selector))).collect()
            });
            found[at] = Some(merged.find(&record.digest, known));
        }
    }
    let mut places = vec![None; source.records.len()];
    (0..source.records.len()).for_each(|at| fill(source, merged, at, &mut places));
    places.into_iter().flatten().collect()
}

/// Asserts that a build finds each record of a source, except for contents that lead nowhere.
pub(super) fn all_found(source: &CacheConfig, merged: &CacheConfig) -> Result<(), TestCaseError> {
    for (record, found) in source.records.iter().zip(found(source, merged)) {
        let matters = !record.inputs.is_empty() || record.newest_result().is_some();
        prop_assert!(!found.is_empty() || !matters, "{} is lost", record.digest);
    }
    Ok(())
}

/// Asserts that BuildKit's importer merges nothing and loses nothing.
pub(super) fn imports_whole(config: &CacheConfig, seed: u64) -> Result<(), TestCaseError> {
    let (crowned, mut random) = (with_crown(config), Random::new(seed));
    for _ in 0..4 {
        prop_assert_eq!(import(&crowned, &mut random), Vec::<String>::new());
    }
    Ok(())
}

/// Returns the config with the number of inputs in each digest, as it is in real ones: the digest is that of the
/// operation. BuildKit's importer does not compare these numbers.
fn with_fixed_inputs(mut config: CacheConfig) -> CacheConfig {
    for record in &mut config.records {
        record.digest = format!("{} of {}", record.digest, record.inputs.len()).into();
    }
    config
}

/// Asserts that each leaf of a merge is in the place of a source's leaf: only those have a time.
fn leaves_were_leaves(sources: &[CacheConfig]) -> Result<(), TestCaseError> {
    let named = sources.iter().map(|config| (String::new(), config.clone()));
    let merged = CacheConfig::merge_with_origins(named).unwrap();
    let places = sources.iter().zip(&merged.origins.sources);
    let places: BTreeSet<_> =
        places.flat_map(|(config, source)| config.leaves().filter_map(|leaf| source.place(leaf))).collect();
    for leaf in merged.config.leaves() {
        prop_assert!(places.contains(&leaf), "{}", merged.config.records[leaf.0].digest);
    }
    Ok(())
}

fn at_most_one_result(config: &CacheConfig) -> bool {
    config.records.iter().all(|record| record.results.len() + record.chains.len() <= 1)
}

proptest! {
    #[test]
    fn merging_does_not_depend_on_the_order_of_sources(a in config(), (b, again) in two_orders(), c in config()) {
        let all = merge(&[a.clone(), b.clone(), c.clone()]);
        prop_assert_eq!(&merge(&[c.clone(), a.clone(), b.clone()]), &all);
        prop_assert_eq!(&merge(&[b.clone(), a.clone(), b.clone(), c.clone(), c.clone()]), &all);
        prop_assert_eq!(merge(&[a.clone(), again]), merge(&[a.clone(), b]));
        prop_assert_eq!(&merge(&[a.clone(), a.clone()]), &a);
        prop_assert_eq!(&CacheConfig::from_s3_json(&all.to_s3_json()).unwrap(), &all);
        prop_assert!(a == c || at_most_one_result(&all));
    }

    #[test]
    fn merging_one_of_several_builds_again_changes_nothing(builds in builds(3)) {
        for sources in [&builds[..2], &builds] {
            let all = merge(sources);
            for build in sources {
                prop_assert_eq!(&merge(&[all.clone(), build.clone()]), &all);
            }
        }
    }

    #[test]
    fn every_record_of_every_build_is_found_and_imported(builds in builds(4), seed in any::<u64>()) {
        let all = merge(&builds);
        for build in &builds {
            all_found(build, &all)?;
        }
        imports_whole(&all, seed)?;
    }

    #[test]
    fn every_leaf_of_merged_builds_was_a_leaf(builds in builds(4)) {
        leaves_were_leaves(&builds[..2])?;
        leaves_were_leaves(&[merge(&builds[..2]), builds[2].clone()])?;
        leaves_were_leaves(&[merge(&builds[..3]), builds[3].clone()])?;
    }

    #[test]
    fn the_strong_build_keeps_its_links_and_results(builds in builds(2)) {
        strong_stays(&builds[0], &builds[1])?;
        strong_stays(&builds[1], &builds[0])?;
    }

    #[test]
    fn every_result_is_the_newest_of_a_source(a in config(), b in config(), c in config()) {
        let sources = [a, b, c];
        if sources[0] != sources[1] {
            nothing_is_made_up(&sources, &merge(&sources))?;
        }
    }

    #[test]
    fn merged_random_configs_are_imported_whole(a in config(), b in config(), seed in any::<u64>()) {
        let (a, b) = (with_fixed_inputs(a), with_fixed_inputs(b));
        if a != b {
            imports_whole(&merge(&[a, b]), seed)?;
        }
    }
}
