//! What a merge took from each of its sources.

use crate::base::sort;
use crate::cache_config::model::{CacheConfig, RecordIndex};
use crate::cache_config::overlay::graph::{Link, Node, narrow};
use crate::cache_config::overlay::place::DROPPED;

/// The merge of several configs, and what each of them contributed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Merged {
    /// The merged config.
    pub config: CacheConfig,
    /// What each source contributed.
    pub origins: Origins,
}

/// What a merged config contains of each source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origins {
    /// The sources, in the order given.
    pub sources: Vec<Contribution>,
    /// The records that no other record links to, in the order of the merged config.
    pub leaves: Vec<LeafOrigin>,
}

/// A record that no other record links to, and the sources that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeafOrigin {
    /// The record in the merged config.
    pub record: RecordIndex,
    /// The positions of its sources.
    pub sources: Vec<usize>,
}

/// What a merged config contains of one source. Several sources may contribute the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contribution {
    /// The name of the source.
    pub name: String,
    /// The number of the source's results that are in the merged config. Of several results of one record, only the
    /// newest counts, because it is the one that BuildKit uses.
    pub results: usize,
    /// The records of the merged config that have a result of another source instead of this source's, in order.
    pub replaced: Vec<RecordIndex>,
    /// The number of this source's steps that are found by their definition only: the merged config has the step with
    /// another source's content of an input.
    pub keys_left_out: usize,
    /// The place of each of the source's records, in the order of the file; [`DROPPED`] if it is gone.
    places: Vec<u32>,
}

impl Contribution {
    /// Returns the record of the merged config that took the place of a record of this source. Returns `None` if
    /// that record was dropped, or if `record` is from another config and out of range.
    pub fn place(&self, record: RecordIndex) -> Option<RecordIndex> {
        let place = *self.places.get(record.0)?;
        (place != DROPPED).then_some(RecordIndex(place as usize))
    }

    pub(super) fn named(&self, name: String) -> Self {
        Self { name, ..self.clone() }
    }

    /// Returns the contribution of a source that became the merged config as it is.
    pub(super) fn whole(config: &CacheConfig) -> Self {
        let results = config.records.iter().filter(|record| record.newest_result().is_some()).count();
        let places = (0..config.records.len()).map(narrow).collect();
        Self { results, places, ..Self::default() }
    }

    /// Compares the records of a source with their images in a merged graph. The places are positions in that graph.
    pub(super) fn new(source: &[Node], merged: &[Node], images: &[u32]) -> Self {
        let mut own = Self { places: images.to_vec(), ..Self::default() };
        for (node, image) in source.iter().zip(images) {
            let Some(kept) = merged.get(*image as usize) else { continue };
            match (node.result, kept.result) {
                (Some(result), Some(kept)) if result.layers == kept.layers => own.results += 1,
                (Some(_), Some(_)) => own.replaced.push(RecordIndex(*image as usize)),
                _ => {}
            }
            let is_root = |link: &&Link| source.get(link.record as usize).is_some_and(|node| node.inputs.is_empty());
            let has = |links: &[Link], link: &Link| {
                let moved = images.get(link.record as usize).map(|image| Link { record: *image, ..*link });
                moved.is_some_and(|moved| links.binary_search(&moved).is_ok())
            };
            let lost = node.inputs.iter().zip(&kept.inputs).any(|(links, kept)| {
                let mut keys = links.iter().filter(is_root).peekable();
                keys.peek().is_some() && !keys.any(|link| has(kept, link))
            });
            own.keys_left_out += usize::from(lost);
        }
        own
    }

    /// Turns the positions in the graph into those in the config, given the place of each record.
    pub(super) fn move_to(&mut self, places: &[usize]) {
        for place in &mut self.places {
            *place = places.get(*place as usize).map_or(DROPPED, |place| narrow(*place));
        }
        for record in &mut self.replaced {
            record.0 = places.get(record.0).copied().unwrap_or(record.0);
        }
        sort::sort(&mut self.replaced);
        self.replaced.dedup();
    }
}

/// Returns the leaves of the config with the sources that have each.
pub(super) fn leaves(config: &CacheConfig, sources: &[Contribution]) -> Vec<LeafOrigin> {
    let mut slots: Vec<Option<Vec<usize>>> =
        config.linked().into_iter().map(|linked| (!linked).then(Vec::new)).collect();
    for (at, source) in sources.iter().enumerate() {
        for place in &source.places {
            if let Some(Some(origins)) = slots.get_mut(*place as usize)
                && origins.last() != Some(&at)
            {
                origins.push(at);
            }
        }
    }
    let leaves = slots.into_iter().enumerate();
    leaves.filter_map(|(at, sources)| Some(LeafOrigin { record: RecordIndex(at), sources: sources? })).collect()
}
