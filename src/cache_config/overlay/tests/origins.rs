//! What a merge says about where its records came from.

use serde_json::{Value, json};

use super::short;
use crate::cache_config::{CacheConfig, Contribution, Merged, RecordIndex};

fn merge(sources: &[(&str, &Value)]) -> Merged {
    CacheConfig::merge_with_origins(sources.iter().map(|(name, config)| ((*name).to_owned(), short(config)))).unwrap()
}

fn digest(merged: &Merged, record: RecordIndex) -> &str {
    &merged.config.record(record).unwrap().digest
}

fn replaced<'a>(merged: &'a Merged, source: &Contribution) -> Vec<&'a str> {
    source.replaced.iter().map(|record| digest(merged, *record)).collect()
}

/// A base, a step that is not reproducible, and a step that takes its files. Then a step of its own.
fn build(name: &str, minute: usize) -> Value {
    json!([
        [["base", -1], [format!("files of {name}"), 0], [format!("app of {name}"), 1], [name, 2]],
        [
            ["base", [], [[0, 0]]],
            ["generate", [[["", 0]]], [[1, minute]]],
            [format!("content of {name}"), [], []],
            ["app", [[["", 1], ["", 2]]], [[2, minute + 1]]],
            [format!("test {name}"), [[["", 3]]], [[3, minute + 2]]]
        ]
    ])
}

#[test]
fn each_leaf_and_each_contradiction_is_attributed_to_its_source() {
    let (old, new) = (build("old", 10), build("new", 20));
    for merged in [merge(&[("old", &old), ("new", &new)]), merge(&[("new", &new), ("old", &old)])] {
        let source = |name| merged.origins.sources.iter().find(|source| source.name == name).unwrap();
        let leaves = merged.origins.leaves.iter();
        let leaves = leaves.map(|leaf| {
            let names = leaf.sources.iter().map(|at| &*merged.origins.sources[*at].name).collect::<Vec<_>>();
            (digest(&merged, leaf.record), names)
        });
        assert_eq!(leaves.collect::<Vec<_>>(), [("test new", vec!["new"]), ("test old", vec!["old"])]);
        assert_eq!((source("new").results, source("new").keys_left_out), (4, 0));
        assert_eq!(replaced(&merged, source("new")), [""; 0]);
        // The base and its own step remain.
        assert_eq!((source("old").results, source("old").keys_left_out), (2, 1));
        assert_eq!(replaced(&merged, source("old")), ["app", "generate"]);
    }
}

#[test]
fn each_record_of_a_source_has_a_place_unless_it_is_dropped() {
    let (old, new) = (build("old", 10), build("new", 20));
    let merged = merge(&[("old", &old), ("new", &new)]);
    let places = |source: usize| {
        let place = |at| merged.origins.sources[source].place(RecordIndex(at));
        (0..6).map(|at| place(at).map(|record| digest(&merged, record))).collect::<Vec<_>>()
    };
    let expected = |key, test| [Some("base"), Some("generate"), key, Some("app"), Some(test), None];
    assert_eq!(places(0), expected(None, "test old"));
    assert_eq!(places(1), expected(Some("content of new"), "test new"));
}

#[test]
fn equal_sources_share_all_leaves_and_results() {
    let build = build("app", 10);
    for merged in [merge(&[("a", &build), ("b", &build)]), merge(&[("b", &build)])] {
        assert_eq!(merged.config, short(&build));
        let leaf = &merged.origins.leaves[..];
        assert_eq!(leaf.len(), 1);
        assert_eq!(
            (digest(&merged, leaf[0].record), leaf[0].sources.len()),
            ("test app", merged.origins.sources.len())
        );
        for source in &merged.origins.sources {
            assert_eq!((source.results, source.replaced.len(), source.keys_left_out), (4, 0, 0));
            assert_eq!(source.place(RecordIndex(3)), Some(RecordIndex(3)));
        }
    }
    assert_eq!(merge(&[]), Merged::default());
}
