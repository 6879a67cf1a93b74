//! Merges several configs into one.

use crate::base::{Error, Result};
use crate::cache_config::blob_facts::BlobFacts;
use crate::cache_config::canonical::canonical;
use crate::cache_config::model::{Alternatives, CacheConfig, Layer, LayerIndex};

impl CacheConfig {
    /// Merges the configs of `sources`, each with the name that errors use for it.
    ///
    /// Equal configs count once, and a single remaining config is returned unchanged. Otherwise the result is in
    /// canonical order, and depends neither on the order of the sources nor on how they are grouped.
    ///
    /// # Errors
    /// [`Error::Conflict`] if two sources give one blob different sizes or diffIDs.
    pub fn merge(sources: impl IntoIterator<Item = (String, Self)>) -> Result<Self> {
        let mut distinct: Vec<(String, Self)> = Vec::new();
        for (name, config) in sources {
            if !distinct.iter().any(|(_, known)| *known == config) {
                distinct.push((name, config));
            }
        }
        if distinct.len() > 1 {
            check(&distinct)?;
            return Ok(canonical(&concatenate(distinct)));
        }
        Ok(distinct.pop().map(|(_, config)| config).unwrap_or_default())
    }
}

fn check(sources: &[(String, CacheConfig)]) -> Result<()> {
    let mut facts = BlobFacts::with_capacity(0);
    for (name, config) in sources {
        for layer in &config.layers {
            if let Some(first) = facts.contradict(layer, name) {
                let message = format!("{first} and {name} give the blob {} two sizes or diffIDs", layer.blob);
                return Err(Error::conflict(message).with_hint("export one of them again, or leave it out"));
            }
        }
    }
    Ok(())
}

/// Concatenates all configs and adjusts their indexes.
fn concatenate(sources: Vec<(String, CacheConfig)>) -> CacheConfig {
    let mut all = CacheConfig::default();
    for (_, config) in sources {
        let (layers, records) = (all.layers.len(), all.records.len());
        let layer = |LayerIndex(at)| LayerIndex(at + layers);
        let move_layer = |old: Layer| Layer { parent: old.parent.map(layer), ..old };
        all.layers.extend(config.layers.into_iter().map(move_layer));
        all.records.extend(config.records.into_iter().map(|mut record| {
            for input in record.inputs.iter_mut().flat_map(Alternatives::as_mut_slice) {
                input.link.0 += records;
            }
            let chained = record.chains.iter_mut().flat_map(|chain| &mut chain.layers);
            for LayerIndex(at) in record.results.iter_mut().map(|result| &mut result.layer).chain(chained) {
                *at += layers;
            }
            record
        }));
    }
    all
}
