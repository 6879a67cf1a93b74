//! What an import took from each of its manifests.

use crate::cache_config::{CacheConfig, Merged};

/// What an import took from each of its manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The manifests that were merged.
    pub manifests: Vec<ExplainedManifest>,
    /// The leaves of the merged cache: records that no other record links to.
    pub leaves: Vec<ExplainedLeaf>,
    /// The number of results that were dropped because their blobs are lost.
    pub lost_results: usize,
}

/// What an import took from one manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExplainedManifest {
    /// Where the manifest is.
    pub location: String,
    /// The number of its results in the merged cache. Others may have the same.
    pub results: usize,
    /// The number of its results that were left out, because a newer manifest has another result of the step.
    pub replaced: usize,
    /// The number of its steps that are found by their definition only, because a newer manifest has other content.
    pub keys_left_out: usize,
}

/// A leaf of the merged cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExplainedLeaf {
    /// The digest of the record.
    pub digest: String,
    /// The locations of the manifests that have it.
    pub manifests: Vec<String>,
}

impl Explanation {
    pub(super) fn of(merged: &Merged) -> Self {
        let sources = &merged.origins.sources;
        let manifests = sources.iter().map(|source| ExplainedManifest {
            location: source.name.clone(),
            results: source.results,
            replaced: source.replaced.len(),
            keys_left_out: source.keys_left_out,
        });
        let leaves = merged.origins.leaves.iter().filter_map(|leaf| {
            let of = leaf.sources.iter().filter_map(|at| Some(sources.get(*at)?.name.clone()));
            let digest = merged.config.record(leaf.record)?.digest.to_string();
            Some(ExplainedLeaf { digest, manifests: of.collect() })
        });
        Self { manifests: manifests.collect(), leaves: leaves.collect(), lost_results: 0 }
    }
}

/// Returns the number of records that have a result.
pub(super) fn results(config: &CacheConfig) -> usize {
    config.records().iter().filter(|record| record.newest_result().is_some()).count()
}
