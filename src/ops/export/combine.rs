//! Merges an export with the manifest it found, and bounds what is kept of others.

use std::time::Duration;

use crate::base::{Error, ErrorKind, Result, sort};
use crate::cache_config::{CacheConfig, Contribution, Crown, RecordIndex, Retained};
use crate::config::Policy;
use crate::go::Timestamp;
use crate::layout::DocumentSizes;

/// A leaf keeps its time for so long, so that exporting the same cache again changes nothing. With a short
/// `merge_max_age`, it is half of that: otherwise the leaf would be dropped although it is exported all the time.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// A merged config.
pub(super) struct Combined {
    /// With the times of its leaves.
    pub(super) config: CacheConfig,
    /// The number of its leaves.
    pub(super) leaves: usize,
    /// The number of those that only other exports have.
    pub(super) kept: usize,
    /// The number of leaves that were dropped because of their age or the size.
    pub(super) dropped: usize,
    /// Whether the export alone is larger than the policy allows.
    pub(super) too_large: bool,
}

/// Merges the export `own` with the config that is `present`, given with its location. `now` is the time by the store's
/// clock.
///
/// # Errors
/// [`Error::Conflict`] if they give one blob different sizes or diffIDs; [`Error::Integrity`] if merging them takes too
/// much work.
pub(super) fn combine(
    own: &CacheConfig,
    present: Option<&(String, CacheConfig)>,
    now: Timestamp,
    policy: &Policy,
) -> Result<Combined> {
    let Some((location, present)) = present else {
        let times = own.leaves().map(|leaf| (leaf, now)).collect();
        return Ok(bounded(&own.clone().with_leaf_times(times), &sort::distinct(own.leaves()), policy));
    };
    let sources = [("this export".to_owned(), own.clone()), (location.clone(), present.clone())];
    let merged = CacheConfig::merge_with_origins(sources).map_err(start_over)?;
    let place = |source: usize, leaf| merged.origins.sources.get(source).and_then(|of| Contribution::place(of, leaf));
    let known = present.export_times(now);
    let known = known.iter().filter_map(|(leaf, time)| Some((place(1, *leaf)?, *time))).collect();
    let own = sort::distinct(own.leaves().filter_map(|leaf| place(0, leaf)));
    let fresh = i128::try_from(FRESH.min(policy.merge_max_age / 2).as_nanos()).unwrap_or(i128::MAX);
    let config = merged.config.with_leaf_times(known);
    let is_fresh = |leaf| {
        let known = config.leaf_time(leaf);
        known.is_some_and(|known| now.instant().saturating_sub(known.instant()) < fresh)
    };
    let renewed = own.iter().filter(|leaf| !is_fresh(**leaf)).map(|leaf| (*leaf, now));
    let times = config.leaf_times().iter().copied().chain(renewed).collect();
    Ok(bounded(&config.with_leaf_times(times), &own, policy))
}

/// Drops what the policy does not allow to keep.
fn bounded(config: &CacheConfig, own: &[RecordIndex], policy: &Policy) -> Combined {
    let fits = |config: &CacheConfig| {
        let DocumentSizes { config_size, manifest_size, .. } = DocumentSizes::with_crown(config, Crown::Timed);
        config_size.max(manifest_size) <= policy.merge_max_size
    };
    let Retained { config, leaves, dropped } = config.retain_newest(own, policy.merge_max_age, fits);
    let kept = leaves.iter().filter(|leaf| own.binary_search(leaf).is_err()).count();
    let too_large = kept == 0 && !fits(&config);
    Combined { config, leaves: leaves.len(), kept, dropped, too_large }
}

/// Adds how to get rid of a manifest that cannot be merged.
fn start_over(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Conflict | ErrorKind::Integrity => {
            error.with_hint("export once with on_conflict=overwrite to start over, or use another name")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = "tests/fixtures/merge/10-exports-with-times";

    fn read(name: &str) -> CacheConfig {
        CacheConfig::from_s3_json(&std::fs::read(format!("{CASE}/{name}.json")).unwrap()).unwrap()
    }

    fn hour(hour: u32) -> Timestamp {
        format!("2026-11-26T{hour:02}:00:00Z").parse().unwrap()
    }

    /// Returns the digests of the records, sorted, and those of the leaves with their times.
    fn content(config: &CacheConfig) -> (Vec<String>, Vec<(String, String)>) {
        let digest = |record: RecordIndex| config.record(record).unwrap().digest.to_string();
        let mut records: Vec<String> = config.records().iter().map(|record| record.digest.to_string()).collect();
        let times = config.leaf_times().iter();
        let mut leaves: Vec<_> = times.map(|(leaf, time)| (digest(*leaf), time.to_string())).collect();
        records.sort();
        leaves.sort();
        (records, leaves)
    }

    fn exported(own: &CacheConfig, present: Option<CacheConfig>, now: Timestamp, policy: &Policy) -> CacheConfig {
        let present = present.map(|config| {
            let written = config.to_s3_json_with(Crown::Timed);
            ("present".to_owned(), CacheConfig::from_s3_json(&written).unwrap())
        });
        combine(own, present.as_ref(), now, policy).unwrap().config
    }

    /// What BuildKit wrote, exported one after the other, becomes what an independent prototype made of it (which
    /// counted in minutes).
    #[test]
    fn exports_in_turn_keep_what_was_exported_lately() {
        let policy = Policy { merge_max_age: Duration::from_secs(4 * 3600), ..Policy::default() };
        let mut present = None;
        for turn in 1..=7 {
            present = Some(exported(&read(&format!("in-{turn}")), present, hour(turn - 1), &policy));
        }
        let present = present.unwrap();
        let (records, leaves) = content(&present);
        let (expected, mut times) = content(&read("merged"));
        assert_eq!(records, expected);
        for (_, time) in &mut times {
            *time = format!("2026-11-26T{}:00:00Z", &time["2026-11-26T19:".len()..][..2]);
        }
        assert_eq!(leaves, times);
        let again = exported(&read("in-7"), Some(present.clone()), "2026-11-26T06:59:00Z".parse().unwrap(), &policy);
        assert!(again.to_s3_json_with(Crown::Timed) == present.to_s3_json_with(Crown::Timed));
    }

    /// A chain of `length` steps whose last ones change with `number`.
    fn commit(number: u32, length: u32) -> CacheConfig {
        use crate::base::Digest;
        use crate::cache_config::{Annotations, CacheConfigBuilder};
        let mut builder = CacheConfigBuilder::new();
        let (mut layer, mut record) = (None, None);
        let at = Timestamp::from(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(number) * 3600));
        for step in 0..length {
            let changes = step + 3 >= length;
            let name = format!("{step} {}", if changes { number } else { 0 });
            let blob = Digest::of(name.as_bytes());
            let annotations =
                Annotations { media_type: "x".to_owned(), diff_id: blob, size: 1, created_at: Timestamp::ZERO };
            let top = builder.layer(blob, layer, annotations);
            let link: Option<Vec<_>> = record.map(|record| vec![(record, "")]);
            let next = builder.record(Digest::of(format!("step {name}").as_bytes()).to_string(), link);
            builder.result(next, top, at);
            (layer, record) = (Some(top), Some(next));
        }
        builder.build().unwrap()
    }

    #[test]
    fn hundreds_of_merges_of_a_changing_build_stay_small() {
        let policy = Policy { merge_max_age: Duration::from_secs(24 * 3600), ..Policy::default() };
        let (mut present, mut sizes) = (None, Vec::new());
        for number in 0..500 {
            let now = Timestamp::from(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(number * 3600));
            let own = commit(u32::try_from(number).unwrap(), 10);
            present = Some(exported(&own, present, now, &policy));
            sizes.push(present.as_ref().unwrap().to_s3_json_with(Crown::Timed).len());
        }
        assert!(sizes[100..].iter().all(|size| size.abs_diff(sizes[100]) < 200), "{sizes:?}");
        // 25 commits of three steps each, and the seven that they share.
        assert_eq!(present.unwrap().records().len(), 25 * 3 + 7);
    }

    #[test]
    fn the_newest_leaves_that_fit_are_kept_and_one_always() {
        let mut present = None;
        for (size, kept) in [(900 * 1024, 20), (9000, 8), (1, 1)] {
            let policy = Policy { merge_max_size: size, ..Policy::default() };
            for number in 0..20_u64 {
                let now = Timestamp::from(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(number * 3600));
                let own = commit(u32::try_from(number).unwrap(), 4);
                present = Some(exported(&own, present, now, &policy));
            }
            let config = present.take().unwrap();
            let leaves = config.leaf_times().len();
            assert!(leaves.abs_diff(kept) <= 2, "{leaves} instead of {kept}");
            let newest = Digest::of(format!("step 3 {}", 19).as_bytes()).to_string();
            assert!(config.records().iter().any(|record| *record.digest == *newest));
        }
    }

    use crate::base::Digest;

    /// All leaves have the same time, and the leaf that was exported again keeps its older one.
    #[test]
    fn an_export_never_drops_its_own_leaves() {
        let policy = Policy { merge_max_size: 3000, merge_max_age: Duration::from_secs(60), ..Policy::default() };
        let digest = |number: u32| Digest::of(format!("step 3 {number}").as_bytes()).to_string();
        let has = |config: &CacheConfig, number| config.records().iter().any(|r| *r.digest == *digest(number));
        let mut present = None;
        for number in 0..12 {
            present = Some(exported(&commit(number, 4), present, hour(10), &policy));
            assert!(has(present.as_ref().unwrap(), number), "{number}");
        }
        for number in [0, 5, 11] {
            let present = exported(&commit(number, 4), present.clone(), hour(10), &policy);
            assert!(has(&present, number), "{number}");
        }
        let alone = combine(&commit(1, 40), None, hour(10), &policy).unwrap();
        assert_eq!((alone.config.records().len(), alone.too_large), (40, true));
    }

    #[test]
    fn a_clock_that_is_ahead_expires_nobody() {
        let policy = Policy { merge_max_age: Duration::from_secs(600), ..Policy::default() };
        let (one, other) = (commit(1, 4), commit(2, 4));
        // Its time is a day ahead of the store's.
        let tomorrow = "2026-11-27T19:00:00Z".parse().unwrap();
        let ahead = exported(&one, None, tomorrow, &policy);
        let combined = exported(&other, Some(ahead), hour(19), &policy);
        assert_eq!(
            content(&combined).1.iter().map(|(_, time)| time.as_str()).collect::<Vec<_>>(),
            ["2026-11-26T19:00:00Z", "2026-11-26T19:00:00Z"]
        );
    }
}
