//! Drops the layers whose blobs are lost, and says why.

use std::collections::{HashMap, HashSet};

use crate::base::{Digest, count, sort};
use crate::cache_config::CacheConfig;
use crate::ops::context::{Context, MOST_WARNINGS};
use crate::ops::needs::Needs;

/// The lost blobs of a config.
pub(super) struct Lost {
    blobs: HashMap<Digest, String>,
    /// Those that each drop something the others have not already dropped.
    first: Vec<Digest>,
}

impl Lost {
    /// Returns the lost blobs of `config`, given with the reason for each.
    pub(super) fn of(config: &CacheConfig, blobs: HashMap<Digest, String>) -> Self {
        let first = Needs::first_to_go(config, &blobs);
        Self { blobs, first }
    }

    /// Returns the number of lost blobs whose layers would be needed otherwise.
    pub(super) fn count(&self) -> usize {
        self.first.len()
    }

    /// Returns why blobs are lost, as far as a user wants to read it.
    pub(super) fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = self.first.iter().filter_map(|digest| self.blobs.get(digest)).cloned().collect();
        sort::sort(&mut reasons);
        let more = reasons.len().saturating_sub(MOST_WARNINGS);
        if more > 0 {
            reasons.truncate(MOST_WARNINGS);
            reasons.push(format!("{} lost", count(more, "more blob is", "more blobs are")));
        }
        reasons
    }

    /// Returns the config without the layers and results that need a lost blob. Warns about each blob.
    pub(super) fn dropped_from(self, config: CacheConfig, context: &Context) -> CacheConfig {
        for why in self.reasons() {
            context.warn(&why);
        }
        let all = config.layers().len();
        let rest = config.without_blobs(&self.blobs.into_keys().collect::<HashSet<Digest>>());
        let left = rest.layers().len();
        let the_rest = if left == 0 { "nothing is left to restore" } else { "the rest is kept" };
        context.warn(&format!("{} of {all} layers were dropped, {the_rest}", all - left));
        rest
    }
}
