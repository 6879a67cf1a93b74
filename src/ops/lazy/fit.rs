//! Bounds a config to what BuildKit reads.

use std::time::Duration;

use crate::base::{Error, Result};
use crate::cache_config::{CacheConfig, Crown, Retained};
use crate::go::Timestamp;
use crate::layout::DocumentSizes;
use crate::ops::cache::S3Cache;
use crate::ops::local_limit;

/// Returns the config, without what was exported longest ago if it would be larger than BuildKit reads. Warns about
/// that.
///
/// # Errors
/// [`Error::TooLarge`] if what was exported last is too large by itself.
pub(super) fn fit(config: CacheConfig, crown: Crown, cache: &S3Cache) -> Result<CacheConfig> {
    let fits = |config: &CacheConfig| local_limit::is_within(config, crown);
    if fits(&config) {
        return Ok(config);
    }
    let now = cache.now();
    let times = config.export_times(Timestamp::from(now)).into_vec();
    let all = config.leaves().count();
    let Retained { config, leaves, dropped } = config.with_leaf_times(times).retain_newest(&[], Duration::MAX, fits);
    if let Some(why) = local_limit::warning(&config, crown, DocumentSizes::with_crown(&config, crown), false) {
        return Err(Error::too_large(why));
    }
    cache.context.warn(&format!(
        "{dropped} of {all} final steps were left out, those that were exported longest ago: BuildKit reads at most \
         {} KiB of config and manifest; {} are left",
        local_limit::LIMIT / 1024,
        leaves.len()
    ));
    Ok(config)
}
