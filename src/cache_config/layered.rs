//! Results that are layered from other results, as BuildKit creates for `COPY --link`, `ADD --link` and its merge
//! operation.
//!
//! The chain of such a result consists of the chains of its inputs, on top of each other. To create it, BuildKit
//! creates the blobs of the inputs' own results, and therefore exports those too, although they were not requested.

use crate::base::sort;
use crate::cache_config::model::{CacheConfig, LayerIndex, Record, RecordIndex};

/// The maximum number of steps of the whole search: blobs compared and results considered. Real configs need a few
/// thousand. The limit stops a hostile config from taking hours; it loses some results of `mode=min` instead.
const MAX_STEPS: usize = 20_000_000;

/// Keeps the layers of the input results from which a kept result is layered.
pub(super) fn keep_inputs(config: &CacheConfig, layers: &mut [bool]) {
    let depths = config.fold_chains(|_, parent: Option<usize>| parent.unwrap_or(0) + 1);
    let mut search = Search { config, depths, left: MAX_STEPS };
    let may_be_layered = |record: &&Record| record.inputs.len() > 1 && !record.results.is_empty();
    let candidates: Vec<&Record> = config.records.iter().filter(may_be_layered).collect();
    let mut changed = true;
    while changed {
        changed = false;
        for record in &candidates {
            for result in &record.results {
                if search.spend(1).is_none() {
                    return;
                }
                if layers.get(result.layer.0) == Some(&true) {
                    for layer in search.inputs_of(record, result.layer).unwrap_or_default() {
                        changed |= config.mark_chain(layer, layers);
                    }
                }
            }
        }
    }
}

struct Search<'a> {
    config: &'a CacheConfig,
    /// The length of each layer's chain, by position.
    depths: Vec<usize>,
    left: usize,
}

/// A result of an input that fits: its layer, and where its chain begins and ends in the whole chain.
struct Fit {
    layer: LayerIndex,
    start: usize,
    end: usize,
}

impl Search<'_> {
    /// Counts steps; returns `None` if the limit is exceeded.
    fn spend(&mut self, steps: usize) -> Option<()> {
        let left = self.left.checked_sub(steps);
        self.left = left.unwrap_or(0);
        left.map(|_| ())
    }

    /// Returns results of the record's inputs, one for each input, that together form the chain of `whole`; `None` if
    /// there are none or the search exceeds the step limit.
    fn inputs_of(&mut self, record: &Record, whole: LayerIndex) -> Option<Vec<LayerIndex>> {
        let chain = self.chain(whole)?;
        let mut starts = vec![0];
        let mut fits: Vec<Vec<Fit>> = Vec::with_capacity(record.inputs.len());
        for input in &record.inputs {
            let config = self.config;
            let links: Vec<RecordIndex> = sort::distinct(input.iter().map(|input| input.link));
            let linked = || links.iter().filter_map(|link| config.record(*link)).flat_map(|record| &record.results);
            self.spend(input.len() + linked().count())?;
            let results: Vec<LayerIndex> = sort::distinct(linked().map(|result| result.layer));
            self.spend(starts.len().saturating_mul(results.len()))?;
            let mut fitting = Vec::new();
            for &start in &starts {
                fitting.extend(results.iter().filter_map(|layer| self.fit(&chain, start, *layer)));
            }
            starts = sort::distinct(fitting.iter().map(|fit| fit.end));
            fits.push(fitting);
        }
        // Search backwards from the end, so that only results that lead there count.
        let mut ends = vec![chain.len()];
        let mut found = Vec::new();
        for fitting in fits.iter().rev() {
            let used: Vec<&Fit> = fitting.iter().filter(|fit| ends.binary_search(&fit.end).is_ok()).collect();
            found.extend(used.iter().map(|fit| fit.layer));
            ends = sort::distinct(used.iter().map(|fit| fit.start));
        }
        Some(found)
    }

    /// Returns where the chain of `layer` fits in `chain`, if it occurs at `start`.
    fn fit(&mut self, chain: &[LayerIndex], start: usize, layer: LayerIndex) -> Option<Fit> {
        let end = start.checked_add(*self.depths.get(layer.0)?)?;
        let mut at = Some(layer);
        for place in chain.get(start..end)?.iter().rev() {
            self.spend(1)?;
            let own = self.config.layer(at?)?;
            if own.blob != self.config.layer(*place)?.blob {
                return None;
            }
            at = own.parent;
        }
        Some(Fit { layer, start, end })
    }

    /// Returns the layer's chain, lowest layer first.
    fn chain(&mut self, layer: LayerIndex) -> Option<Vec<LayerIndex>> {
        let depth = self.depths.get(layer.0).copied().unwrap_or(0);
        self.spend(depth)?;
        let mut chain: Vec<LayerIndex> = self.config.ancestry(layer).collect();
        chain.reverse();
        Some(chain)
    }
}
