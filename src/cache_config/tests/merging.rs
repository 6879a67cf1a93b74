//! Which of two contradicting facts a merge keeps, and which it refuses.

use crate::base::Error;
use crate::cache_config::tests::{annotations, blob, layer_json, time};
use crate::cache_config::{Annotations, CacheConfig};

fn merge(configs: &[&CacheConfig]) -> CacheConfig {
    CacheConfig::merge(configs.iter().map(|config| ("a source".to_owned(), (*config).clone()))).unwrap()
}

#[test]
fn merging_keeps_the_earlier_known_time_then_the_smaller_media_type() {
    let config = |media_type: &str, created_at: &str| {
        let annotations =
            Annotations { media_type: media_type.to_owned(), created_at: time(created_at), ..annotations("a") };
        let record = r#"{"layers":[{"layer":0}],"digest":"d"}"#;
        let json = format!(r#"{{"layers":[{}],"records":[{record}]}}"#, layer_json("a", r#","parent":-1"#));
        let mut config = CacheConfig::from_s3_json(json.as_bytes()).unwrap();
        config.layers[0].annotations = annotations;
        config
    };
    for (winner, loser) in [
        (("z", "2026-01-02T03:00:00Z"), ("a", "0001-01-01T00:00:00Z")),
        (("z", "2026-01-02T03:00:00Z"), ("a", "0001-01-01T02:00:00+02:00")),
        (("z", "2026-01-02T03:00:00Z"), ("a", "2026-01-02T03:00:01Z")),
        (("z", "2026-01-02T04:30:00+02:00"), ("a", "2026-01-02T03:00:00Z")),
        (("a", "2026-01-02T05:00:00+02:00"), ("z", "2026-01-02T03:00:00Z")),
        (("a", "2026-01-02T03:00:00Z"), ("a", "2026-01-02T05:00:00+02:00")),
    ] {
        let (winner, loser) = (config(winner.0, winner.1), config(loser.0, loser.1));
        assert_eq!(merge(&[&winner, &loser]), winner);
        assert_eq!(merge(&[&loser, &winner]), winner);
    }
}

#[test]
fn a_blob_with_two_sizes_or_diff_ids_is_a_conflict_of_two_named_sources() {
    let one = format!(r#"{{"layers":[{}]}}"#, layer_json("a", r#","parent":-1"#));
    let other_diff_id = one.replace(&annotations("a").diff_id.to_string(), &blob("x").to_string());
    for other in [one.replace(r#""size":3"#, r#""size":4"#), other_diff_id] {
        let read = |json: &str| CacheConfig::from_s3_json(json.as_bytes()).unwrap();
        let sources = [("name=app", read("{}")), ("name=main", read(&one)), ("name=dev", read(&other))];
        match CacheConfig::merge(sources.map(|(name, config)| (name.to_owned(), config))) {
            Err(Error::Conflict(problem)) => {
                let expected = format!("name=main and name=dev give the blob {} two sizes or diffIDs", blob("a"));
                assert_eq!(problem.message, expected);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn merging_nothing_returns_an_empty_config() {
    assert_eq!(CacheConfig::merge([]).unwrap(), CacheConfig::default());
}
