//! Large configs, and configs crafted to take too much time or memory.

use std::time::{Duration, Instant};

use super::merge;
use crate::base::Error;
use crate::cache_config::overlay::work::{MAX_NEW_LINKS, MAX_STEPS};
use crate::cache_config::tests::{annotations, blob, time};
use crate::cache_config::{CacheConfig, CacheConfigBuilder, RecordId};

/// What no merge may take in a test, whose code is not optimized, on a busy machine. A release build takes seconds.
const LONG: Duration = Duration::from_secs(300);

/// Returns the message of a merge that is refused.
fn refusal(sources: [CacheConfig; 2]) -> String {
    let started = Instant::now();
    let named = sources.map(|config| ("a source".to_owned(), config));
    let result = CacheConfig::merge(named);
    assert!(started.elapsed() < LONG);
    match result {
        Err(Error::Integrity(problem)) => problem.message,
        other => panic!("{:?}", other.map(|config| config.records.len())),
    }
}

/// Returns a cache of 20,000 stages of four steps and one content each, all built at once.
fn many_stages(salt: &str, minute: usize) -> CacheConfig {
    let mut builder = CacheConfigBuilder::new();
    let created_at = time(&format!("2026-01-02T03:{minute:02}:00Z"));
    let base = builder.record("base", []);
    let bottom = builder.layer(blob("base"), None, annotations("base"));
    builder.result(base, bottom, created_at);
    for stage in 0..20_000 {
        let (mut below, mut layer) = (base, bottom);
        for step in 0..4 {
            let mut links = vec![(below, "")];
            if step == 2 {
                links.push((builder.record(format!("content {stage} {salt}"), []), "x"));
            }
            below = builder.record(format!("stage {stage} step {step}"), [links]);
            let name = format!("{stage} {step} {salt}");
            layer = builder.layer(blob(&name), Some(layer), annotations(&name));
            builder.result(below, layer, created_at);
        }
    }
    builder.build().unwrap()
}

#[test]
fn caches_of_100_000_records_are_merged() {
    let (old, new) = (many_stages("old", 1), many_stages("new", 2));
    assert_eq!(old.records.len(), 100_001);
    let started = Instant::now();
    let merged = merge(&[old, new.clone()]);
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
    // All steps of the old cache have newer results in the other one.
    assert_eq!(merged.records.len(), new.records.len());
}

#[test]
fn a_step_with_many_equal_steps_below_does_not_multiply_the_links_of_those_above() {
    const MANY: usize = 1_500;
    let source = |digest: &str| {
        let mut builder = CacheConfigBuilder::new();
        let other = |at: usize| format!("other {at}");
        let others: Vec<RecordId> = (0..MANY).map(|at| builder.record(other(at), [])).collect();
        for other in &others {
            builder.record("step", [vec![(*other, "")]]);
        }
        let step = builder.record("step", [others.iter().map(|other| (*other, "")).collect::<Vec<_>>()]);
        for at in 0..MANY {
            builder.record(format!("{digest} {at}"), [vec![(step, "")]]);
        }
        builder.build().unwrap()
    };
    let message = refusal([source("one"), source("two")]);
    assert!(message.contains(&format!("{MAX_NEW_LINKS} new links")), "{message}");
}

#[test]
fn links_that_are_refused_again_and_again_are_refused_in_bounded_time() {
    const MANY: usize = 400;
    let source = |name: &str| {
        let mut builder = CacheConfigBuilder::new();
        let [own, shared] = ["own", "shared"].map(|name| (builder.record(name, []), ""));
        let taken: Vec<_> = (0..MANY).map(|at| (builder.record(format!("taken {at}"), []), "")).collect();
        builder.record("step", [vec![own], vec![shared]]);
        for at in 0..MANY {
            let other = builder.record(format!("other {at}"), []);
            builder.record("step", [taken.clone(), vec![(other, "")]]);
        }
        let mut above = |record| builder.record(format!("above {name}"), [vec![(record, "")]]);
        let high = above(own.0);
        let higher = above(high);
        builder.record("step", [taken.clone(), vec![shared, (high, "")]]);
        for at in 0..MANY {
            let selector = at.to_string();
            let all = taken.iter().copied().chain([own]).collect();
            builder.record("step", [all, vec![shared, (higher, selector.as_str())]]);
        }
        builder.build().unwrap()
    };
    let message = refusal([source("one"), source("two")]);
    assert!(message.contains(&format!("{MAX_STEPS} steps")), "{message}");
}
