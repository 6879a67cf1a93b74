//! Merges several configs into one that BuildKit can use as a whole.
//!
//! A plain union would not be: BuildKit's importer merges records that share one link in each input, so a record of two
//! builds gets the results of both, and the content of one is answered with the files of the other. An overlay keeps
//! one lineage per record instead. The newer config is the strong one; the older one adds what does not contradict it.
//!
//! Everything here is iterative, and its work is bounded.

mod emit;
mod fold;
mod graph;
mod levels;
mod order;
mod origins;
mod place;
mod table;
mod work;
mod working;

#[cfg(test)]
mod tests;

pub use origins::{Contribution, LeafOrigin, Merged, Origins};

use std::mem;

use crate::base::{Error, Result};
use crate::cache_config::blob_facts::BlobFacts;
use crate::cache_config::model::{CacheConfig, Layer, Record};
use crate::cache_config::overlay::fold::Folded;
use crate::cache_config::overlay::graph::Graph;
use crate::cache_config::overlay::table::Table;

impl CacheConfig {
    /// Merges the configs of `sources`, each with the name that errors use for it.
    ///
    /// Equal configs count once, and a single remaining config is returned unchanged. Otherwise the result is in
    /// canonical order, and does not depend on the order of the sources. Each record has at most one result. Where two
    /// sources contradict each other about a step, the one with the newer results wins, and the others add only what
    /// BuildKit can use beside it. Merging one of the sources again changes nothing, with rare exceptions among four or
    /// more.
    ///
    /// # Errors
    /// [`Error::Conflict`] if two sources give one blob different sizes or diffIDs. [`Error::Integrity`] if the sources
    /// are so contradictory that merging them takes too much work, which no real cache is.
    pub fn merge(sources: impl IntoIterator<Item = (String, Self)>) -> Result<Self> {
        Ok(merge(sources, false)?.config)
    }

    /// Does the same as [`merge`](Self::merge), and also returns what each source contributed.
    ///
    /// # Errors
    /// The same as those of [`merge`](Self::merge).
    pub fn merge_with_origins(sources: impl IntoIterator<Item = (String, Self)>) -> Result<Merged> {
        merge(sources, true)
    }
}

fn merge(sources: impl IntoIterator<Item = (String, CacheConfig)>, explain: bool) -> Result<Merged> {
    let mut distinct: Vec<(String, CacheConfig)> = Vec::new();
    // The name of each source, and which of the distinct configs it has.
    let mut names: Vec<(String, usize)> = Vec::new();
    for (name, config) in sources {
        let known = distinct.iter().position(|(_, known)| *known == config);
        names.push((name.clone(), known.unwrap_or(distinct.len())));
        if known.is_none() {
            distinct.push((name, config));
        }
    }
    check(&distinct)?;
    let configs: Vec<CacheConfig> = distinct.into_iter().map(|(_, config)| config).collect();
    let (config, contributions) = match <[CacheConfig; 1]>::try_from(configs) {
        Ok([only]) => {
            let whole = explain.then(|| Contribution::whole(&only));
            (only, whole.into_iter().collect())
        }
        Err(configs) if configs.is_empty() => return Ok(Merged::default()),
        Err(configs) => overlay_all(configs, explain)?,
    };
    if !explain {
        return Ok(Merged { config, ..Merged::default() });
    }
    let named = |(name, at): (String, usize)| Some(contributions.get(at)?.named(name));
    let sources: Vec<Contribution> = names.into_iter().filter_map(named).collect();
    let leaves = origins::leaves(&config, &sources);
    Ok(Merged { config, origins: Origins { sources, leaves } })
}

fn check(sources: &[(String, CacheConfig)]) -> Result<()> {
    if sources.len() < 2 {
        return Ok(());
    }
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

/// Merges different configs. If `explain` is set, also returns what each of them contributed.
fn overlay_all(mut configs: Vec<CacheConfig>, explain: bool) -> Result<(CacheConfig, Vec<Contribution>)> {
    let layers: Vec<Vec<Layer>> = configs.iter_mut().map(|config| mem::take(&mut config.layers)).collect();
    let records: Vec<Vec<Record>> = configs.into_iter().map(|config| config.records).collect();
    let table = Table::new(layers, &records);
    let graphs = records.into_iter().enumerate().map(|(source, records)| table.graph(source, &records));
    let graphs: Vec<Graph> = graphs.collect();
    let sources = if explain { graphs.clone() } else { Vec::new() };
    let Folded { graph, images } = fold::fold(graphs, &table)?;
    let compared = sources.iter().zip(&images).map(|(source, images)| Contribution::new(source, &graph, images));
    let mut contributions: Vec<Contribution> = compared.collect();
    drop((sources, images));
    let (config, places) = emit::config(graph, table);
    contributions.iter_mut().for_each(|contribution| contribution.move_to(&places));
    Ok((config, contributions))
}
