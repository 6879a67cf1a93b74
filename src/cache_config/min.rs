//! `mode=min`: keeps only the layers of the result.

use crate::cache_config::filter::KeptLayers;
use crate::cache_config::layered;
use crate::cache_config::model::{CacheConfig, LayerIndex, set};

impl CacheConfig {
    /// Returns only the layers of the build's result, as BuildKit's `mode=min` does. Follows every path from each
    /// record without incoming links to the first record with results; the results that those are layered from are kept
    /// too. All records are kept.
    ///
    /// The second value is false if no result was found; then nothing is dropped.
    #[must_use]
    pub fn into_min(self) -> (Self, bool) {
        let mut layers = vec![false; self.layers.len()];
        let first = self.first_with_results();
        let found = !first.is_empty();
        let first = || first.iter().filter_map(|at| self.records.get(*at));
        for result in first().flat_map(|record| &record.results) {
            self.mark_chain(result.layer, &mut layers);
        }
        // Must run while only whole chains are marked.
        layered::keep_inputs(&self, &mut layers);
        for LayerIndex(layer) in first().flat_map(|record| &record.chains).flat_map(|chain| &chain.layers) {
            set(&mut layers, *layer, true);
        }
        if !found {
            return (self, false);
        }
        let chains = self.whole_chains(&layers);
        (self.keep(&KeptLayers { layers, chains }), true)
    }

    /// Returns the first records with results on the paths from records without incoming links.
    fn first_with_results(&self) -> Vec<usize> {
        let mut queued: Vec<bool> = self.linked().iter().map(|linked| !linked).collect();
        let mut queue: Vec<usize> =
            queued.iter().enumerate().filter(|(_, queued)| **queued).map(|(at, _)| at).collect();
        let mut first = Vec::new();
        while let Some(at) = queue.pop() {
            let Some(record) = self.records.get(at) else { continue };
            if !record.results.is_empty() || !record.chains.is_empty() {
                first.push(at);
                continue;
            }
            for input in record.inputs.iter().flatten() {
                if let Some(queued @ false) = queued.get_mut(input.link.0) {
                    *queued = true;
                    queue.push(input.link.0);
                }
            }
        }
        first
    }

    /// Marks a layer and its ancestors, stopping at the first that is already marked: its ancestors are marked too,
    /// because only whole chains have been marked so far. Returns whether the layer was newly marked.
    pub(super) fn mark_chain(&self, layer: LayerIndex, layers: &mut [bool]) -> bool {
        let new = layers.get(layer.0) == Some(&false);
        let mut at = Some(layer);
        while let Some(LayerIndex(layer)) = at
            && let Some(kept @ false) = layers.get_mut(layer)
        {
            *kept = true;
            at = self.layers.get(layer).and_then(|layer| layer.parent);
        }
        new
    }
}
