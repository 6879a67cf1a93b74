//! The texts, layers and results of all sources of a merge, ranked by their content.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::mem;

use crate::base::sort;
use crate::cache_config::canonical::{merge_layers, rank_chains};
use crate::cache_config::model::{CacheConfig, Input, Layer, LayerIndex, Record};
use crate::cache_config::overlay::graph::{Graph, Link, Node, Outcome, narrow};
use crate::go::Timestamp;

/// What the numbers in the graphs of one merge stand for. The ranks follow the order of the content, so comparing
/// numbers does not depend on the order of the sources.
pub(super) struct Table {
    /// Digests and selectors, sorted and distinct.
    texts: Vec<Box<str>>,
    /// The distinct layers, in canonical order.
    layers: Vec<Layer>,
    /// The layers of results, sorted and distinct.
    results: Vec<ResultLayers>,
    /// The rank of each source's layers.
    ranks: Vec<Vec<u32>>,
}

/// The layers of a result: the rank of the topmost one, or the ranks of all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ResultLayers {
    Listed(Box<[u32]>),
    Top(u32),
}

impl Table {
    /// Ranks everything in the sources, given the layers and the records of each.
    pub(super) fn new(layers: Vec<Vec<Layer>>, records: &[Vec<Record>]) -> Self {
        let (layers, ranks) = merged_layers(layers);
        let mut distinct: HashSet<&str> = HashSet::new();
        for record in records.iter().flatten() {
            distinct.insert(&record.digest);
            distinct.extend(record.inputs.iter().flatten().map(|input| &*input.selector));
        }
        let texts = sort::distinct(distinct.into_iter().map(Box::from));
        let mut table = Self { texts, layers, results: Vec::new(), ranks };
        let mut results: Vec<ResultLayers> = Vec::new();
        for (source, records) in records.iter().enumerate() {
            results.extend(records.iter().filter_map(|record| table.newest(source, record)).map(|(layers, _)| layers));
        }
        table.results = sort::distinct(results);
        table
    }

    pub(super) fn text(&self, rank: u32) -> &str {
        self.texts.get(rank as usize).map(|text| &**text).unwrap_or_default()
    }

    pub(super) fn result(&self, rank: u32) -> Option<&ResultLayers> {
        self.results.get(rank as usize)
    }

    /// Takes the layers out of the table.
    pub(super) fn take_layers(&mut self) -> Vec<Layer> {
        mem::take(&mut self.layers)
    }

    /// Returns the records of a source, in the order of the file.
    pub(super) fn graph(&self, source: usize, records: &[Record]) -> Graph {
        let rank = |text: &str| narrow(self.texts.partition_point(|known| **known < *text));
        let node = |record: &Record| {
            let links = record.inputs.iter().map(|list| {
                let link = |input: &Input| Link { record: narrow(input.link.0), selector: rank(&input.selector) };
                sort::distinct(list.iter().map(link))
            });
            let result = self.newest(source, record).map(|(layers, created_at)| {
                let layers = narrow(self.results.partition_point(|known| *known < layers));
                Outcome { layers, created_at }
            });
            Node { digest: rank(&record.digest), inputs: links.collect(), result }
        };
        records.iter().map(node).collect()
    }

    /// Returns the newest result of a record. If several are equally new, their layers decide, then the spelling of the
    /// time.
    fn newest(&self, source: usize, record: &Record) -> Option<(ResultLayers, Timestamp)> {
        let ranks = self.ranks.get(source)?;
        let rank = |layer: LayerIndex| ranks.get(layer.0).copied().unwrap_or_default();
        let whole = record.results.iter().map(|result| (ResultLayers::Top(rank(result.layer)), result.created_at));
        let listed = record.chains.iter().map(|chain| {
            (ResultLayers::Listed(chain.layers.iter().map(|layer| rank(*layer)).collect()), chain.created_at)
        });
        whole.chain(listed).reduce(|newest, result| {
            let order = (newest.1.instant(), &newest.0).cmp(&(result.1.instant(), &result.0));
            match order.then_with(|| result.1.to_string().cmp(&newest.1.to_string())) {
                Ordering::Less => result,
                _ => newest,
            }
        })
    }
}

/// Returns the distinct layers of all sources in canonical order, and the rank of each source's layers.
fn merged_layers(sources: Vec<Vec<Layer>>) -> (Vec<Layer>, Vec<Vec<u32>>) {
    let lengths: Vec<usize> = sources.iter().map(Vec::len).collect();
    let mut all: Vec<Layer> = Vec::with_capacity(lengths.iter().sum());
    for layers in sources {
        let before = all.len();
        let moved = |parent: LayerIndex| LayerIndex(parent.0 + before);
        all.extend(layers.into_iter().map(|layer| Layer { parent: layer.parent.map(moved), ..layer }));
    }
    let config = CacheConfig { layers: all, ..CacheConfig::default() };
    let ranks = rank_chains(&config);
    let mut rest = ranks.iter().copied().map(narrow);
    let by_source = lengths.into_iter().map(|length| rest.by_ref().take(length).collect()).collect();
    (merge_layers(&config, &ranks), by_source)
}
