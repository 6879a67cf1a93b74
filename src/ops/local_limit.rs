//! BuildKit's size limit for a cache in a directory, and the ways to get below it.

use crate::cache_config::{CacheConfig, Crown};
use crate::layout::DocumentSizes;

/// The size limit of a config or manifest that BuildKit reads from a directory.
pub(super) const LIMIT: u64 = 1024 * 1024;
/// The size of a layer in a config: its digest, its parent's index, and the punctuation.
const LAYER_BYTES: u64 = 100;
/// The minimum size of a record in a config: `{"digest":""},`.
const MIN_RECORD_BYTES: usize = 14;
/// The result of `mode=min` is only computed for configs up to this size, because that takes a copy.
const MAX_TRIED_BYTES: u64 = 16 * LIMIT;

/// Returns a warning if BuildKit will not read the cache, written with this crown, from a directory.
pub(super) fn warning_of(config: &CacheConfig, crown: Crown) -> Option<String> {
    warning(config, crown, DocumentSizes::with_crown(config, crown), false)
}

/// Returns a warning if BuildKit will not read the cache from a directory. The warning names what makes the documents
/// large, and lists only the remedies that work for this cache. `one_name_fits` means that the cache was merged from
/// several names, at least one of which is within the limit.
pub(super) fn warning(config: &CacheConfig, crown: Crown, sizes: DocumentSizes, one_name_fits: bool) -> Option<String> {
    let DocumentSizes { config_size, manifest_size, .. } = sizes;
    let (layers, records) = (config.layers().len(), config.records().len());
    let mut documents = Vec::new();
    if config_size > LIMIT {
        let is_layers = LAYER_BYTES.saturating_mul(layers as u64) > config_size / 2;
        let filling = if is_layers { format!("{layers} layers") } else { format!("{records} records") };
        documents.push(format!("its config is {} (mostly {filling})", mib(config_size)));
    }
    if manifest_size > LIMIT {
        documents.push(format!("its manifest is {} ({layers} layers)", mib(manifest_size)));
    }
    if documents.is_empty() {
        return None;
    }
    let mut remedies = vec!["use BuildKit's own --cache-from type=s3, which has no such limit".to_owned()];
    if let Some(left) = left_by_mode_min(config, crown, config_size) {
        remedies.push(format!("export with mode=min, which leaves {}", mib(left)));
    }
    if one_name_fits {
        remedies.push("import fewer names".to_owned());
    }
    Some(format!(
        "BuildKit cannot read this cache from a directory: {}; the limit is {LIMIT} bytes (1 MiB): {}",
        documents.join(" and "),
        remedies.join(", or ")
    ))
}

/// Formats a size in MiB, rounded up so that a size over the limit never looks equal to it.
fn mib(bytes: u64) -> String {
    let hundredths = bytes.saturating_mul(100).div_ceil(LIMIT);
    format!("{}.{:02} MiB", hundredths / 100, hundredths % 100)
}

/// Returns whether BuildKit would read the cache from a directory.
pub(super) fn is_within(config: &CacheConfig, crown: Crown) -> bool {
    (config.records().len().saturating_mul(MIN_RECORD_BYTES) as u64) <= LIMIT && largest(config, crown) <= LIMIT
}

/// Returns the size of the largest document that `mode=min` leaves, if it is within the limit.
fn left_by_mode_min(config: &CacheConfig, crown: Crown, config_size: u64) -> Option<u64> {
    if config_size > MAX_TRIED_BYTES {
        return None;
    }
    let (min, _) = config.clone().into_min();
    Some(largest(&min, crown)).filter(|left| *left <= LIMIT)
}

fn largest(config: &CacheConfig, crown: Crown) -> u64 {
    let DocumentSizes { config_size, manifest_size, .. } = DocumentSizes::with_crown(config, crown);
    config_size.max(manifest_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates a config with `layers` layers, which are results of the last records, and `records` records, each with
    /// `links` links to the previous one. With `mode=min`, only the last layer remains.
    fn config(layers: usize, records: usize, links: usize) -> CacheConfig {
        let digest = |kind: &str, at: usize| crate::base::Digest::of(format!("{kind}{at}").as_bytes());
        let time = r#""createdAt":"2026-01-01T00:00:00Z""#;
        let list = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
        let layer = |at: usize| {
            let (blob, diff) = (digest("blob", at), digest("diff", at));
            format!(r#"{{"blob":"{blob}","parent":-1,"annotations":{{"mediaType":"m","diffID":"{diff}",{time}}}}}"#)
        };
        let record = |at: usize| {
            let layer = (at + layers).checked_sub(records);
            let result = layer.map_or(String::new(), |layer| format!(r#""layers":[{{"layer":{layer},{time}}}],"#));
            let link =
                |n: usize| format!(r#"{{"selector":"{}","link":{}}}"#, digest("selector", at * links + n), at - 1);
            let inputs = if at == 0 { String::new() } else { format!(r#","inputs":[[{}]]"#, list(links, &link)) };
            format!(r#"{{{result}"digest":"{}"{inputs}}}"#, digest("record", at))
        };
        let json = format!(r#"{{"layers":[{}],"records":[{}]}}"#, list(layers, &layer), list(records, &record));
        CacheConfig::from_s3_json(json.as_bytes()).unwrap()
    }

    fn warning_of(config: &CacheConfig) -> Option<String> {
        super::warning_of(config, Crown::Plain)
    }

    fn is_within(config: &CacheConfig) -> bool {
        super::is_within(config, Crown::Plain)
    }

    #[test]
    fn a_cache_within_the_limit_has_no_warning() {
        let small = config(10, 10, 1);
        assert_eq!(warning_of(&small), None);
        assert!(is_within(&small));
    }

    #[test]
    fn records_that_fill_the_config_are_named_and_mode_min_is_not_advised() {
        let large = config(100, 3500, 3);
        assert!(!is_within(&large) && !is_within(&large.clone().into_min().0));
        let warning = warning_of(&large).unwrap();
        for part in ["(mostly 3500 records)", "the limit is 1048576 bytes (1 MiB)", "type=s3"] {
            assert!(warning.contains(part), "{part}: {warning}");
        }
        assert!(!warning.contains("mode=min") && !warning.contains("layers"), "{warning}");
    }

    #[test]
    fn layers_that_fill_the_manifest_are_named_and_mode_min_is_advised_where_it_suffices() {
        for (records, suffices) in [(4200, true), (7000, false)] {
            let large = config(4200, records, 1);
            let min = large.clone().into_min().0;
            assert_eq!(is_within(&min), suffices);
            let warning = warning_of(&large).unwrap();
            assert!(warning.contains("(4200 layers)"), "{warning}");
            let advice = format!("mode=min, which leaves {}", mib(largest(&min, Crown::Plain)));
            assert_eq!(warning.contains(&advice), suffices, "{warning}");
            assert_eq!(warning.contains("mode=min"), suffices, "{warning}");
        }
    }

    #[test]
    fn layers_that_fill_the_config_are_named() {
        let large = config(12_000, 1, 0);
        assert!(warning_of(&large).unwrap().contains("(mostly 12000 layers)"));
    }

    #[test]
    fn the_crown_counts() {
        // 4600 records without links, each of which costs a link of the crown.
        let records = (0..4600).map(|at| format!(r#"{{"digest":"{at:0210}"}}"#)).collect::<Vec<_>>();
        let large = CacheConfig::from_s3_json(format!(r#"{{"records":[{}]}}"#, records.join(",")).as_bytes()).unwrap();
        for (crown, is_within) in [(Crown::Omit, true), (Crown::Plain, false)] {
            assert_eq!(super::is_within(&large, crown), is_within);
            assert_eq!(super::warning_of(&large, crown).is_none(), is_within);
        }
    }

    #[test]
    fn fewer_names_are_advised_where_one_of_them_fits() {
        let large = config(100, 3500, 3);
        let advised = warning(&large, Crown::Plain, DocumentSizes::of(&large), true).unwrap();
        assert!(advised.ends_with(", or import fewer names"), "{advised}");
    }
}
