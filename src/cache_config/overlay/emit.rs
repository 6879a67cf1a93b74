//! Turns a merged graph into a config again.

use crate::cache_config::canonical::canonical_with_places;
use crate::cache_config::filter::KeptLayers;
use crate::cache_config::model::{
    Alternatives, CacheConfig, CacheResult, ChainedResult, Input, LayerIndex, Record, RecordIndex,
};
use crate::cache_config::overlay::graph::{Graph, Link, Node};
use crate::cache_config::overlay::table::{ResultLayers, Table};

/// Returns the config in canonical order, without unused layers, and the place of each record in it.
pub(super) fn config(graph: Graph, mut table: Table) -> (CacheConfig, Vec<usize>) {
    let records: Vec<Record> = graph.into_iter().map(|node| record(node, &table)).collect();
    let mut config = CacheConfig { records, ..CacheConfig::default() };
    config.layers = table.take_layers();
    drop(table);
    let mut used = vec![false; config.layers.len()];
    for record in &config.records {
        let listed = record.chains.iter().flat_map(|chain| &chain.layers);
        for layer in record.results.iter().map(|result| &result.layer).chain(listed) {
            config.mark_chain(*layer, &mut used);
        }
    }
    canonical_with_places(&config.keep(&KeptLayers { chains: used.clone(), layers: used }))
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
