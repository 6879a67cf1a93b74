//! The builder.

use crate::base::Error;
use crate::cache_config::canonical::canonical;
use crate::cache_config::tests::{annotations, blob};
use crate::cache_config::{Annotations, CacheConfig, CacheConfigBuilder};
use crate::go::Timestamp;

#[test]
fn the_order_of_calls_does_not_matter() {
    let build = |order: [&str; 2]| {
        let mut builder = CacheConfigBuilder::new();
        let base = builder.layer(blob("base"), None, annotations("base"));
        let layers = order.map(|name| builder.layer(blob(name), Some(base), annotations(name)));
        let source = builder.record("source", []);
        for (name, layer) in order.into_iter().zip(layers) {
            let step = builder.record(name, [vec![(source, "x"), (source, ""), (source, "x")]]);
            builder.result(step, layer, Timestamp::ZERO);
            // Added twice, kept once.
            builder.result(step, layer, Timestamp::ZERO);
        }
        builder.build().unwrap()
    };
    let config = build(["a", "b"]);
    assert_eq!(config, build(["b", "a"]));
    assert_eq!(config, canonical(&config));
    assert_eq!((config.layers.len(), config.records.len()), (3, 3));
    assert!(config.records.iter().all(|record| record.results.len() <= 1));
    assert_eq!(CacheConfig::from_s3_json(&config.to_s3_json()).unwrap(), config);
}

#[test]
fn equal_layers_and_equal_steps_are_merged() {
    let mut builder = CacheConfigBuilder::new();
    let later = Annotations { created_at: "2026-01-02T00:00:00Z".parse().unwrap(), ..annotations("a") };
    let first = builder.layer(blob("a"), None, annotations("a"));
    let again = builder.layer(blob("a"), None, later.clone());
    let above = builder.layer(blob("a"), Some(again), annotations("a"));
    let (one, two) = (builder.record("step", []), builder.record("step", []));
    builder.result(one, first, Timestamp::ZERO);
    builder.result(two, again, Timestamp::ZERO);
    builder.result(two, above, Timestamp::ZERO);
    let config = builder.build().unwrap();
    assert_eq!((config.layers.len(), config.records.len()), (2, 1));
    assert_eq!(config.layers[0].annotations, later, "a time that is known counts for more than none");
    assert_eq!(config.records[0].results.len(), 2);
}

#[test]
fn a_config_that_cannot_be_written_is_refused() {
    let refusal = |add: fn(&mut CacheConfigBuilder)| {
        let mut builder = CacheConfigBuilder::new();
        add(&mut builder);
        match builder.build() {
            Err(Error::Usage(problem)) => problem.message,
            other => panic!("{other:?}"),
        }
    };
    for (message, expected) in [
        (
            refusal(|builder| {
                builder.record("", []);
            }),
            "a record has an empty digest",
        ),
        (
            refusal(|builder| {
                builder.record("d", [Vec::<(_, &str)>::new()]);
            }),
            "an input of the record d has no alternative",
        ),
        (
            refusal(|builder| {
                builder.layer(blob("a"), None, Annotations { size: 1 << 63, ..annotations("a") });
            }),
            "more than BuildKit can represent",
        ),
        (
            refusal(|builder| {
                builder.layer(blob("a"), None, annotations("a"));
                builder.layer(blob("a"), None, Annotations { size: 4, ..annotations("a") });
            }),
            "two sizes or diffIDs",
        ),
        (
            refusal(|builder| {
                let layer = CacheConfigBuilder::new().layer(blob("a"), None, annotations("a"));
                builder.layer(blob("b"), Some(layer), annotations("b"));
            }),
            "layer 0 is from another builder",
        ),
        (
            refusal(|builder| {
                let record = CacheConfigBuilder::new().record("d", []);
                builder.record("e", [vec![(record, "")]]);
            }),
            "record 0 is from another builder",
        ),
    ] {
        assert!(message.contains(expected), "{message}");
    }
}
