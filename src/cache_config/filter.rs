//! Drops layers, and the results that need them. The order of the others does not change.

use std::collections::HashSet;

use crate::base::Digest;
use crate::cache_config::model::{CacheConfig, CacheResult, ChainedResult, Layer, LayerIndex, set};

/// The layers to keep.
pub(super) struct KeptLayers {
    /// Whether each layer is kept, by position.
    pub(super) layers: Vec<bool>,
    /// Whether each layer and all its ancestors are kept, by position.
    pub(super) chains: Vec<bool>,
}

impl KeptLayers {
    fn result(&self, result: &CacheResult) -> bool {
        is_set(&self.chains, result.layer)
    }

    fn chained(&self, chain: &ChainedResult) -> bool {
        chain.layers.iter().all(|layer| is_set(&self.layers, *layer))
    }
}

impl CacheConfig {
    /// Returns the config without these blobs. Their layers and the results that need them are dropped; the rest is
    /// kept.
    #[must_use]
    pub fn without_blobs(self, lost: &HashSet<Digest>) -> Self {
        let present: Vec<bool> = self.layers.iter().map(|layer| !lost.contains(&layer.blob)).collect();
        let mut kept = KeptLayers { chains: self.whole_chains(&present), layers: present };
        // A layer above a lost one is useful only to a result that lists its layers itself.
        let mut layers = kept.chains.clone();
        for chain in self.records.iter().flat_map(|record| &record.chains).filter(|chain| kept.chained(chain)) {
            for LayerIndex(layer) in &chain.layers {
                set(&mut layers, *layer, true);
            }
        }
        kept.layers = layers;
        // A record with the digest of a crown is one once its results are gone.
        self.keep(&kept).without_crowns()
    }

    /// Returns, by position, whether the layer and all its ancestors are `present`.
    pub(super) fn whole_chains(&self, present: &[bool]) -> Vec<bool> {
        self.fold_chains(|layer, parent: Option<bool>| is_set(present, layer) && parent != Some(false))
    }

    /// Returns the config with only these layers, re-indexed, and only the results whose layers are all kept.
    pub(super) fn keep(mut self, kept: &KeptLayers) -> Self {
        let places = places(&kept.layers);
        let moved = |layer: LayerIndex| places.get(layer.0).copied().flatten().map(LayerIndex);
        let layers = self.layers.into_iter().zip(&kept.layers).filter(|(_, kept)| **kept);
        self.layers = layers.map(|(layer, _)| Layer { parent: layer.parent.and_then(moved), ..layer }).collect();
        for record in &mut self.records {
            retain(&mut record.results, |result| kept.result(result));
            retain(&mut record.chains, |chain| kept.chained(chain));
            let chained = record.chains.iter_mut().flat_map(|chain| &mut chain.layers);
            for layer in record.results.iter_mut().map(|result| &mut result.layer).chain(chained) {
                *layer = moved(*layer).unwrap_or(*layer);
            }
        }
        self
    }
}

/// Returns the new positions of what is kept, by old position.
pub(super) fn places(kept: &[bool]) -> Vec<Option<usize>> {
    let mut next = 0..;
    kept.iter().map(|kept| if *kept { next.next() } else { None }).collect()
}

fn retain<T>(list: &mut Box<[T]>, keep: impl Fn(&T) -> bool) {
    if !list.iter().all(&keep) {
        let mut items = std::mem::take(list).into_vec();
        items.retain(keep);
        *list = items.into_boxed_slice();
    }
}

fn is_set(set: &[bool], layer: LayerIndex) -> bool {
    set.get(layer.0).copied().unwrap_or(false)
}
