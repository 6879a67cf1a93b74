//! Tracks which blobs of a config are still needed as others turn out to be lost.

use std::collections::HashMap;

use crate::base::{Digest, sort};
use crate::cache_config::{CacheConfig, LayerIndex};

/// Applies [`CacheConfig::without_blobs`] one lost blob at a time. Each layer and each chained result is dropped only
/// once, so all losses together cost no more than one pass over the config.
#[derive(Debug)]
pub(super) struct Needs {
    layers: Vec<Needed>,
    /// The direct children of each layer, by its index.
    children: Vec<Vec<usize>>,
    /// The layers of each chained result, empty once it is dropped.
    chains: Vec<Vec<usize>>,
    /// The chained results that list each layer, by its index.
    chains_of: Vec<Vec<usize>>,
    blobs: HashMap<Digest, Uses>,
}

#[derive(Debug)]
struct Needed {
    blob: Digest,
    /// Whether the layer or one of its ancestors is lost.
    broken: bool,
    /// The number of chained results that list it.
    chains: usize,
}

#[derive(Debug, Default)]
struct Uses {
    layers: Vec<usize>,
    /// The number of these layers that are kept.
    kept: usize,
}

impl Needs {
    pub(super) fn of(config: &CacheConfig) -> Self {
        let count = config.layers().len();
        let mut needs = Self {
            layers: Vec::with_capacity(count),
            children: vec![Vec::new(); count],
            chains: Vec::new(),
            chains_of: vec![Vec::new(); count],
            blobs: HashMap::new(),
        };
        for (at, layer) in config.layers().iter().enumerate() {
            needs.layers.push(Needed { blob: layer.blob, broken: false, chains: 0 });
            if let Some(children) = layer.parent.and_then(|parent| needs.children.get_mut(parent.get())) {
                children.push(at);
            }
            let uses = needs.blobs.entry(layer.blob).or_default();
            uses.layers.push(at);
            uses.kept += 1;
        }
        for chain in config.records().iter().flat_map(|record| &record.chains) {
            let layers = sort::distinct(chain.layers.iter().copied().map(LayerIndex::get));
            for layer in &layers {
                if let (Some(needed), Some(chains)) = (needs.layers.get_mut(*layer), needs.chains_of.get_mut(*layer)) {
                    needed.chains += 1;
                    chains.push(needs.chains.len());
                }
            }
            needs.chains.push(layers);
        }
        needs
    }

    /// Returns the lost blobs that each drop something the others have not already dropped, independent of the order in
    /// which the losses were discovered. In a chain of lost layers, that is the lowest.
    pub(super) fn first_to_go(config: &CacheConfig, lost: &HashMap<Digest, String>) -> Vec<Digest> {
        let mut needs = Self::of(config);
        let mut order: Vec<usize> = (0..config.layers().len()).collect();
        // Breadth-first from the roots, so that ancestors precede descendants.
        order.retain(|at| config.layers().get(*at).is_some_and(|layer| layer.parent.is_none()));
        let mut next = 0;
        while let Some(at) = order.get(next).copied() {
            order.extend_from_slice(needs.children.get(at).map(Vec::as_slice).unwrap_or_default());
            next += 1;
        }
        let mut first = Vec::new();
        for layer in order.into_iter().filter_map(|at| config.layers().get(at)) {
            if lost.contains_key(&layer.blob) && needs.needs(&layer.blob) {
                needs.lose(&layer.blob);
                first.push(layer.blob);
            }
        }
        first
    }

    /// Returns whether a kept layer uses this blob.
    pub(super) fn needs(&self, blob: &Digest) -> bool {
        self.blobs.get(blob).is_some_and(|uses| uses.kept > 0)
    }

    /// Drops everything that depends on this blob.
    pub(super) fn lose(&mut self, blob: &Digest) {
        let layers = self.blobs.get_mut(blob).map(|uses| std::mem::take(&mut uses.layers)).unwrap_or_default();
        for layer in layers {
            let chains = self.chains_of.get_mut(layer).map(std::mem::take).unwrap_or_default();
            for chain in chains {
                self.drop_chain(chain);
            }
            self.break_above(layer);
        }
    }

    fn drop_chain(&mut self, chain: usize) {
        for layer in self.chains.get_mut(chain).map(std::mem::take).unwrap_or_default() {
            if let Some(needed) = self.layers.get_mut(layer) {
                needed.chains -= 1;
            }
            self.drop_unless_kept(layer);
        }
    }

    /// Marks the layer and its descendants as broken. From now on, only chained results can need them.
    fn break_above(&mut self, layer: usize) {
        let mut stack = vec![layer];
        while let Some(layer) = stack.pop() {
            match self.layers.get_mut(layer) {
                Some(needed) if !needed.broken => needed.broken = true,
                _ => continue,
            }
            stack.append(&mut self.children.get_mut(layer).map(std::mem::take).unwrap_or_default());
            self.drop_unless_kept(layer);
        }
    }

    /// Drops a broken layer that no chained result needs. This happens once per layer: when it breaks, or when it loses
    /// its last chained result.
    fn drop_unless_kept(&mut self, layer: usize) {
        let Some(needed) = self.layers.get(layer).filter(|needed| needed.broken && needed.chains == 0) else { return };
        if let Some(uses) = self.blobs.get_mut(&needed.blob) {
            uses.kept -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Loses the blobs one by one, starting from each of them, and compares the result with the filter.
    #[test]
    fn it_needs_what_the_filter_keeps() {
        for fixture in ["max/s3-manifest.json", "min/s3-manifest.json", "link/link-max.json", "link/l3-max.json"] {
            let bytes = std::fs::read(format!("tests/fixtures/{fixture}")).unwrap();
            let config = CacheConfig::from_s3_json(&bytes).unwrap();
            let blobs: Vec<Digest> = config.blobs().into_iter().map(|(blob, _)| blob).collect();
            for start in 0..blobs.len() {
                let (mut needs, mut lost) = (Needs::of(&config), HashSet::new());
                for step in 0..blobs.len() {
                    let blob = blobs[(start + 3 * step) % blobs.len()];
                    needs.lose(&blob);
                    lost.insert(blob);
                    let rest = config.clone().without_blobs(&lost);
                    let kept: HashSet<Digest> = rest.layers().iter().map(|layer| layer.blob).collect();
                    let needed: HashSet<Digest> = blobs.iter().copied().filter(|blob| needs.needs(blob)).collect();
                    assert_eq!(needed, kept, "{fixture} {start} {step}");
                }
            }
        }
    }
}
