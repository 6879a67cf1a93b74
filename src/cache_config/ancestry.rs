//! Walks from layers to their parents, without recursion: a chain may have a hundred thousand layers.

use std::iter;

use crate::cache_config::model::{CacheConfig, LayerIndex, set};

impl CacheConfig {
    /// Returns a layer and its ancestors, from the layer down to the root. There are at most as many as the config has
    /// layers, because it has no cycles.
    pub(super) fn ancestry(&self, layer: LayerIndex) -> impl Iterator<Item = LayerIndex> {
        iter::successors(Some(layer), |at| self.layer(*at)?.parent)
    }

    /// Returns a value for each layer, by position. `value` computes it from the layer and the value of its parent, and
    /// is called once per layer.
    pub(super) fn fold_chains<T: Copy + Default>(&self, value: impl Fn(LayerIndex, Option<T>) -> T) -> Vec<T> {
        let mut values: Vec<Option<T>> = vec![None; self.layers.len()];
        let known = |values: &[Option<T>], layer: LayerIndex| values.get(layer.0).copied().flatten();
        let mut path = Vec::new();
        for start in 0..self.layers.len() {
            let mut below = None;
            for layer in self.ancestry(LayerIndex(start)) {
                below = known(&values, layer);
                if below.is_some() {
                    break;
                }
                path.push(layer);
            }
            for layer in path.drain(..).rev() {
                below = Some(value(layer, below));
                set(&mut values, layer.0, below);
            }
        }
        values.into_iter().map(Option::unwrap_or_default).collect()
    }
}
