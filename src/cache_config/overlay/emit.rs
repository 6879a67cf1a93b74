//! Turns a merged graph into a config again.

use crate::cache_config::canonical::canonical_with_places;
use crate::cache_config::filter;
use crate::cache_config::model::{
    Alternatives, CacheConfig, CacheResult, ChainedResult, Input, LayerIndex, Record, RecordIndex,
};
use crate::cache_config::overlay::graph::{Graph, Link, Node};
use crate::cache_config::overlay::table::{ResultLayers, Table};

/// Returns the config in canonical order, without unused layers, and the place of each record in it.
pub(super) fn config(graph: Graph, mut table: Table) -> (CacheConfig, Vec<usize>) {
    let records: Vec<Record> = graph.into_iter().map(|node| record(node, &table)).collect();
    let config = CacheConfig { layers: table.take_layers(), records, ..CacheConfig::default() };
    drop(table);
    let (config, mut places) = canonical_with_places(&config.without_unused_layers());
    // A record with the digest of a crown is one once it has lost its result.
    let kept = config.not_crowns();
    if kept.iter().all(|kept| *kept) {
        return (config, places);
    }
    let moved = filter::places(&kept);
    for place in &mut places {
        *place = moved.get(*place).copied().flatten().unwrap_or(usize::MAX);
    }
    (config.without_crowns(), places)
}

fn record(node: Node, table: &Table) -> Record {
    let input =
        |link: &Link| Input { selector: table.text(link.selector).into(), link: RecordIndex(link.record as usize) };
    let inputs = node.inputs.iter().map(|links| Alternatives::new(links.iter().map(input).collect()));
    let (mut results, mut chains) = (Vec::new(), Vec::new());
    if let Some(outcome) = node.result {
        let created_at = outcome.created_at;
        match table.result(outcome.layers) {
            Some(ResultLayers::Top(layer)) => {
                results.push(CacheResult { layer: LayerIndex(*layer as usize), created_at });
            }
            Some(ResultLayers::Listed(layers)) => {
                let layers = layers.iter().map(|layer| LayerIndex(*layer as usize)).collect();
                chains.push(ChainedResult { layers, created_at });
            }
            None => {}
        }
    }
    Record {
        digest: table.text(node.digest).into(),
        inputs: inputs.collect(),
        results: results.into(),
        chains: chains.into(),
    }
}
