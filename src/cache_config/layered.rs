//! Results that are layered from results: what BuildKit makes of `COPY --link`, `ADD --link` and its merge operation.
//!
//! Such a result has for its chain the chains of its inputs on top of each other. To make it BuildKit makes the blobs
//! of the inputs' own results, and so it has those to export too, though nobody asked for them.

use std::collections::BTreeSet;

use crate::cache_config::model::{CacheConfig, LayerIndex, Record, RecordIndex, set};

/// How many steps the search takes in all: blobs compared and results considered. Real configs need a few thousand; a
/// hostile one must not keep us for hours, and loses some results of `mode=min` instead.
const MAX_STEPS: usize = 20_000_000;

/// Wherever a kept result is layered from results of its record's inputs, keeps the layers of those.
pub(super) fn keep_inputs(config: &CacheConfig, layers: &mut [bool]) {
    let mut search = Search { config, depths: depths(config), left: MAX_STEPS };
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
    /// By position: the length of the layer's chain.
    depths: Vec<usize>,
    left: usize,
}

/// A result of an input that fits: its layer, and the places in the whole where its chain begins and ends.
struct Fit {
    layer: LayerIndex,
    start: usize,
    end: usize,
}

impl Search<'_> {
    /// Counts steps; `None` when there were too many.
    fn spend(&mut self, steps: usize) -> Option<()> {
        let left = self.left.checked_sub(steps);
        self.left = left.unwrap_or(0);
        left.map(|_| ())
    }

    /// The results of the record's inputs that, one for each input, make up the chain of `whole`; `None` when the search
    /// has taken too many steps.
    fn inputs_of(&mut self, record: &Record, whole: LayerIndex) -> Option<Vec<LayerIndex>> {
        let chain = self.chain(whole)?;
        let mut starts = BTreeSet::from([0]);
        let mut fits: Vec<Vec<Fit>> = Vec::with_capacity(record.inputs.len());
        for input in &record.inputs {
            let config = self.config;
            let links: BTreeSet<RecordIndex> = input.iter().map(|input| input.link).collect();
            let linked = || links.iter().filter_map(|link| config.record(*link)).flat_map(|record| &record.results);
            self.spend(input.len() + linked().count())?;
            let results: BTreeSet<LayerIndex> = linked().map(|result| result.layer).collect();
            self.spend(starts.len().saturating_mul(results.len()))?;
            let mut fitting = Vec::new();
            for &start in &starts {
                fitting.extend(results.iter().filter_map(|layer| self.fit(&chain, start, *layer)));
            }
            starts = fitting.iter().map(|fit| fit.end).collect();
            fits.push(fitting);
        }
        // Back from the end, so that only what leads there counts.
        let mut ends = BTreeSet::from([chain.len()]);
        let mut found = Vec::new();
        for fitting in fits.iter().rev() {
            let used: Vec<&Fit> = fitting.iter().filter(|fit| ends.contains(&fit.end)).collect();
            found.extend(used.iter().map(|fit| fit.layer));
            ends = used.iter().map(|fit| fit.start).collect();
        }
        Some(found)
    }

    /// Whether the chain of `layer` stands in `chain` from `start` on.
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

    /// The layer's chain, lowest first.
    fn chain(&mut self, layer: LayerIndex) -> Option<Vec<LayerIndex>> {
        let depth = self.depths.get(layer.0).copied().unwrap_or(0);
        self.spend(depth)?;
        let mut chain = Vec::with_capacity(depth);
        let mut at = Some(layer);
        while let Some(layer) = at {
            chain.push(layer);
            at = self.config.layer(layer).and_then(|layer| layer.parent);
        }
        chain.reverse();
        Some(chain)
    }
}

/// By position: how many layers the chain of each has.
fn depths(config: &CacheConfig) -> Vec<usize> {
    let parents = config.parents();
    let mut depths = vec![0; parents.len()];
    let mut path = Vec::new();
    for start in 0..parents.len() {
        let mut at = Some(start);
        let mut depth = 0;
        while let Some(layer) = at {
            depth = depths.get(layer).copied().unwrap_or(0);
            if depth > 0 {
                break;
            }
            path.push(layer);
            at = parents.get(layer).copied().flatten();
        }
        for layer in path.drain(..).rev() {
            depth += 1;
            set(&mut depths, layer, depth);
        }
    }
    depths
}
