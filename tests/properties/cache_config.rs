//! Cache configs.

use crate::cache_config::{CacheConfig, Crown};

/// Each look-up visits all records.
const MAX_LOOKED_UP: usize = 8;

/// A config that was read survives writing, both as an S3 manifest and as a local cache. Derived configs can be read
/// again, reducing or merging a second time changes nothing, and all sizes are bounded by that of the input. Every step
/// is found by its own inputs.
pub fn cache_config(data: &[u8]) {
    let config = match CacheConfig::from_s3_json(data) {
        Ok(config) => config,
        Err(error) => {
            assert!(error.to_string().len() < 16_384);
            return;
        }
    };
    let json = config.to_s3_json();
    // Omitted times are written out: an object of two bytes becomes one of fifty.
    assert!(json.len() <= 64 + 32 * data.len());
    can_be_read_again(&config);
    at_most_one_crown_is_written(&config);

    let local_json = config.to_local_json(Crown::Plain);
    let local = CacheConfig::from_local_json(&local_json, &config.descriptors().collect::<Vec<_>>());
    // A time that cannot be expressed in UTC is refused, and is the only reason for refusal.
    let in_utc = config.layers().iter().all(|layer| layer.annotations.created_at.to_utc().is_some());
    assert_eq!(local.ok().map(|local| local.to_local_json(Crown::Plain)), in_utc.then_some(local_json));

    steps_can_be_looked_up(&config);

    let (min, found) = config.clone().into_min();
    can_be_read_again(&min);
    assert_eq!(min.clone().into_min(), (min.clone(), found));

    let lost = config.blobs().into_iter().step_by(2).map(|(blob, _)| blob).collect();
    let kept = config.clone().without_blobs(&lost);
    can_be_read_again(&kept);
    assert!(kept.layers().iter().all(|layer| !lost.contains(&layer.blob)));
    assert_eq!(kept.clone().without_blobs(&lost), kept);

    assert_eq!(merge(&[&config, &config]), config);
    let merged = merge(&[&config, &min, &kept]);
    can_be_read_again(&merged);
    assert_eq!(merge(&[&kept, &config, &min]), merged);
    assert_eq!(merge(&[&merged, &config]), merged);
}

fn steps_can_be_looked_up(config: &CacheConfig) {
    for (at, record) in config.records().iter().enumerate().take(MAX_LOOKED_UP) {
        let known = record.inputs.iter().map(|list| list.iter().map(|input| (input.link, &*input.selector)).collect());
        assert!(config.find(&record.digest, known).iter().any(|found| found.get() == at));
        assert!(record.newest_result().is_none_or(|result| config.chain(result).is_some()));
    }
}

/// Crowns do not accumulate, and keep their times if they are written with them.
fn at_most_one_crown_is_written(config: &CacheConfig) {
    for crown in [Crown::Omit, Crown::Plain, Crown::Timed] {
        let json = config.to_s3_json_with(crown);
        let again = CacheConfig::from_s3_json(&json);
        let times = if crown == Crown::Timed { config.leaf_times() } else { &[] };
        assert!(again.is_ok_and(|again| {
            again == *config && again.leaf_times() == times && again.to_s3_json_with(crown) == json
        }));
    }
}

fn can_be_read_again(config: &CacheConfig) {
    assert_eq!(CacheConfig::from_s3_json(&config.to_s3_json()).ok().as_ref(), Some(config));
}

fn merge(configs: &[&CacheConfig]) -> CacheConfig {
    let merged = CacheConfig::merge(configs.iter().map(|config| (String::new(), (*config).clone())));
    assert!(merged.is_ok());
    merged.unwrap_or_default()
}
