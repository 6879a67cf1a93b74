//! The canonical order of the configs that this crate creates. BuildKit sorts by the same leading keys, leaves the
//! order of ties to chance, and reads any order.

use std::cmp::Ordering;

use crate::base::{Digest, Hasher, sort};
use crate::cache_config::crown::latest;
use crate::cache_config::model::{
    Alternatives, Annotations, CacheConfig, CacheResult, ChainedResult, Input, Layer, LayerIndex, Record, RecordIndex,
    set,
};
use crate::go::Timestamp;

/// Returns the same config in canonical order, with equal layers and equal records merged.
///
/// Layers are equal if the blobs of their chains are; records are equal if their digests and, for each input, the sets
/// of what they link to are. The result does not depend on the order of the input.
pub(super) fn canonical(config: &CacheConfig) -> CacheConfig {
    canonical_with_places(config).0.without_crowns()
}

/// Returns the config of [`canonical`], and the place of each record in it.
pub(super) fn canonical_with_places(config: &CacheConfig) -> (CacheConfig, Vec<usize>) {
    let layer_of = rank_chains(config);
    let ids = record_ids(config);
    let groups = sorted_records(config, &ids);
    let mut record_of = vec![0; config.records.len()];
    for (rank, group) in groups.iter().enumerate() {
        for at in group {
            set(&mut record_of, *at, rank);
        }
    }
    let records = groups.iter().filter_map(|group| merge_records(config, group, &layer_of, &record_of)).collect();
    let time = |(record, time): &(RecordIndex, Timestamp)| Some((RecordIndex(*record_of.get(record.0)?), *time));
    let leaf_times = latest(config.leaf_times.iter().filter_map(time).collect());
    (CacheConfig { layers: merge_layers(config, &layer_of), records, leaf_times }, record_of)
}

/// Returns the sort key of a layer's annotations; the smallest is kept.
fn annotation_key(annotations: &Annotations) -> (bool, i128, &str, Digest, String) {
    let Annotations { media_type, diff_id, created_at, size: _ } = annotations;
    (created_at.is_zero(), created_at.instant(), media_type, *diff_id, created_at.to_string())
}

/// Returns the distinct layers in the order of their ranks.
pub(super) fn merge_layers(config: &CacheConfig, layer_of: &[usize]) -> Vec<Layer> {
    let mut merged: Vec<Option<Layer>> = vec![None; config.layers.len()];
    for (layer, rank) in config.layers.iter().zip(layer_of) {
        let parent = layer.parent.and_then(|parent| layer_of.get(parent.0)).map(|rank| LayerIndex(*rank));
        let Some(known) = merged.get_mut(*rank) else { continue };
        let known = known.get_or_insert_with(|| Layer { parent, ..layer.clone() });
        if annotation_key(&layer.annotations) < annotation_key(&known.annotations) {
            known.annotations = layer.annotations.clone();
        }
    }
    merged.into_iter().flatten().collect()
}

/// Returns the rank of each layer in the order of the chains: by blob, then by the blobs towards the root, shorter
/// chains first. Equal chains have equal ranks. The ranks of chains cut at 1, 2, 4, … blobs yield those of twice the
/// length, so the work stays small even if the chains are deep.
pub(super) fn rank_chains(config: &CacheConfig) -> Vec<usize> {
    let blob = |at: usize| config.layers.get(at).map(|layer| &layer.blob);
    let mut rank = dense(config.layers.len(), &|one, other| blob(one).cmp(&blob(other)));
    let mut jump = config.parents();
    while jump.iter().any(Option::is_some) {
        let beyond = |at: usize| rank.get(jump.get(at).copied().flatten()?);
        let key = |at: usize| (rank.get(at), beyond(at));
        rank = dense(jump.len(), &|one, other| key(one).cmp(&key(other)));
        jump = jump.iter().map(|target| target.and_then(|target| jump.get(target).copied().flatten())).collect();
    }
    rank
}

/// Returns the rank of each of `count` values among the distinct values. `compare` compares them by their positions.
fn dense(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut ranks = vec![0; count];
    let (mut rank, mut previous) = (0, None);
    for at in sort::order(count, compare) {
        rank += usize::from(previous.is_some_and(|previous| compare(previous, at) != Ordering::Equal));
        set(&mut ranks, at, rank);
        previous = Some(at);
    }
    ranks
}

/// Returns the id of each record: a hash of its digest and, for each input, the sorted set of selectors and linked ids.
fn record_ids(config: &CacheConfig) -> Vec<Digest> {
    let mut ids: Vec<Option<Digest>> = vec![None; config.records.len()];
    for start in 0..config.records.len() {
        let mut path = vec![start];
        while let Some(at) = path.last().copied() {
            if ids.get(at).copied().flatten().is_some() {
                path.pop();
                continue;
            }
            let inputs = config.records.get(at).map(|record| &*record.inputs).unwrap_or_default();
            let id_of = |link: RecordIndex| ids.get(link.0).copied().flatten();
            let before = path.len();
            path.extend(inputs.iter().flatten().map(|input| input.link).filter(|l| id_of(*l).is_none()).map(|l| l.0));
            if path.len() == before {
                let links = inputs
                    .iter()
                    .map(|list| list.iter().filter_map(|input| Some((&*input.selector, id_of(input.link)?))).collect());
                let id = config.records.get(at).map(|record| record_id(&record.digest, links));
                set(&mut ids, at, id);
                path.pop();
            }
        }
    }
    ids.into_iter().flatten().collect()
}

/// Returns the id of a record, given its digest and, for each input, the selectors and ids of its links.
pub(super) fn record_id<'a>(digest: &str, inputs: impl ExactSizeIterator<Item = Vec<(&'a str, Digest)>>) -> Digest {
    let mut hasher = Hasher::new();
    // Each text is prefixed with its length and each list with its number of elements, so no two records hash the same
    // bytes.
    let mut text = |text: &[u8]| {
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text);
    };
    text(digest.as_bytes());
    text(&(inputs.len() as u64).to_be_bytes());
    for links in inputs {
        let links = sort::distinct(links);
        text(&(links.len() as u64).to_be_bytes());
        for (selector, id) in links {
            text(selector.as_bytes());
            text(id.as_bytes());
        }
    }
    hasher.finish()
}

/// The sort key of records, compared in the order of the fields.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RecordKey<'a> {
    digest: &'a str,
    inputs: usize,
    lengths: Vec<usize>,
    /// The digest and selector of each link, by input.
    links: Vec<Vec<(&'a str, &'a str)>>,
    id: Digest,
    /// Only distinguishes equal records.
    position: usize,
}

/// Returns the records in canonical order, grouped by id.
fn sorted_records(config: &CacheConfig, ids: &[Digest]) -> Vec<Vec<usize>> {
    let linked = |input: &'_ Input| {
        let record = config.records.get(input.link.0)?;
        Some((&*record.digest, ids.get(input.link.0)?))
    };
    let keys = config.records.iter().zip(ids).zip(0..).map(|((record, id), position)| {
        let links = record.inputs.iter().map(|list| {
            let link = |input| linked(input).map(|(digest, id)| (digest, &*input.selector, id));
            sort::distinct(list.iter().filter_map(link))
                .into_iter()
                .map(|(digest, selector, _)| (digest, selector))
                .collect()
        });
        let links: Vec<Vec<(&str, &str)>> = links.collect();
        let lengths: Vec<usize> = links.iter().map(Vec::len).collect();
        RecordKey { digest: &record.digest, inputs: lengths.len(), lengths, links, id: *id, position }
    });
    let mut keys: Vec<RecordKey<'_>> = keys.collect();
    sort::sort(&mut keys);
    let groups = keys.chunk_by(|a, b| a.id == b.id);
    groups.map(|group| group.iter().map(|key| key.position).collect()).collect()
}

/// Merges equal records into one with the results of all.
fn merge_records(config: &CacheConfig, group: &[usize], layer_of: &[usize], record_of: &[usize]) -> Option<Record> {
    let members = || group.iter().filter_map(|at| config.records.get(*at));
    let layer = |index: LayerIndex| layer_of.get(index.0).copied().map(LayerIndex);
    let mut results = Vec::new();
    for CacheResult { layer: of, created_at } in members().flat_map(|record| &record.results) {
        results.push(CacheResult { layer: layer(*of)?, created_at: *created_at });
    }
    let mut chains = Vec::new();
    for ChainedResult { layers, created_at } in members().flat_map(|record| &record.chains) {
        let layers = layers.iter().map(|index| layer(*index)).collect::<Option<_>>()?;
        chains.push(ChainedResult { layers, created_at: *created_at });
    }
    let first = members().next()?;
    let inputs = first.inputs.iter().map(|list| {
        let link = |input: &Input| Some((record_of.get(input.link.0).copied()?, input.selector.clone()));
        let links = sort::distinct(list.iter().filter_map(link));
        Alternatives::new(
            links.into_iter().map(|(link, selector)| Input { selector, link: RecordIndex(link) }).collect(),
        )
    });
    Some(Record {
        digest: first.digest.clone(),
        inputs: inputs.collect(),
        results: distinct(results, |result| (&result.layer, &result.created_at)),
        chains: distinct(chains, |chain| (&chain.layers, &chain.created_at)),
    })
}

/// Returns the results in the order of their layers and times, equal ones once. Of those with the same instant, the one
/// with the smallest text stays.
fn distinct<T, L: Ord>(mut results: Vec<T>, key: impl Fn(&T) -> (&L, &Timestamp)) -> Box<[T]> {
    sort::sort_by(&mut results, |one, other| {
        let ((layers, time), (other_layers, other_time)) = (key(one), key(other));
        let texts = || if time == other_time { Ordering::Equal } else { time.to_string().cmp(&other_time.to_string()) };
        layers.cmp(other_layers).then(time.instant().cmp(&other_time.instant())).then_with(texts)
    });
    results.dedup_by(|one, other| {
        let ((layers, time), (other_layers, other_time)) = (key(one), key(other));
        layers == other_layers && time.instant() == other_time.instant()
    });
    results.into()
}
