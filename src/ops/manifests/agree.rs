//! Resolves manifests that contradict each other about a blob: keeps those with its real size, or else the majority.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::{Digest, Error, Result, sort};
use crate::cache_config::Layer;
use crate::object::ObjectStore;
use crate::ops::cache::S3Cache;
use crate::ops::manifests::load::Found;

/// The store is asked for the sizes of at most this many contested blobs. The majority decides the others.
const MOST_SIZES: usize = 1000;

/// The size and diffID of a blob, on which all manifests must agree.
type Identity = (u64, Digest);

/// Returns the manifests that agree about all blobs, in their original order. The others are skipped with a warning.
///
/// The right identity of a contested blob is the one whose size matches the object in a store of `sources`. If that
/// does not decide, the identity in most manifests wins, and in a tie the first. Manifests with the fewest wrong
/// identities are accepted first.
///
/// # Errors
/// If the operation was cancelled.
pub(in crate::ops) fn agreeing(sources: &[&S3Cache], found: Vec<Found>) -> Result<Vec<Found>> {
    let Some(first) = sources.first().filter(|_| found.len() > 1) else { return Ok(found) };
    let votes = votes(&found);
    if votes.is_empty() {
        return Ok(found);
    }
    let contested = decide(votes, sources)?;
    let mistakes = |one| identities(one, &contested).filter(|(blob, given)| contested.get(blob) != Some(given)).count();
    let mut order: Vec<(usize, usize)> = found.iter().map(mistakes).zip(0..).collect();
    sort::sort(&mut order);
    let mut accepted = HashMap::new();
    let mut skipped = HashMap::new();
    for (_, at) in order {
        let Some(candidate) = found.get(at) else { continue };
        match contradiction(candidate, &contested, &accepted) {
            Some(why) => {
                skipped.insert(at, why);
            }
            None => accepted.extend(identities(candidate, &contested).map(|(blob, given)| (blob, (given, candidate)))),
        }
    }
    if accepted.is_empty() {
        return Ok(found);
    }
    drop(accepted);
    let (mut kept, mut warnings) = (Vec::new(), Vec::new());
    for (at, found) in found.into_iter().enumerate() {
        match skipped.get(&at) {
            Some(why) => warnings.push(format!("skipping the manifest {}: {why}", found.location)),
            None => kept.push(found),
        }
    }
    first.context.warn_all(warnings, "manifests that contradict the others were skipped");
    Ok(kept)
}

/// Returns how a manifest contradicts itself or an accepted one.
fn contradiction(
    candidate: &Found,
    contested: &HashMap<Digest, Identity>,
    accepted: &HashMap<Digest, (Identity, &Found)>,
) -> Option<String> {
    let mut own = HashMap::new();
    identities(candidate, contested).find_map(|(blob, given)| {
        if *own.entry(blob).or_insert(given) != given {
            return Some(format!("it gives the blob {blob} two sizes or diffIDs"));
        }
        let (known, by) = accepted.get(&blob)?;
        (*known != given).then(|| format!("it gives the blob {blob} a different size or diffID than {}", by.location))
    })
}

/// The number of manifests that give an identity, and the first and last of them.
struct Votes {
    count: usize,
    first: usize,
    last: usize,
}

/// Returns the blobs with several identities, with the votes for each.
fn votes(found: &[Found]) -> HashMap<Digest, HashMap<Identity, Votes>> {
    let mut known: HashMap<Digest, Identity> = HashMap::new();
    let mut votes: HashMap<Digest, HashMap<Identity, Votes>> = HashMap::new();
    for layer in found.iter().flat_map(|found| found.config.layers()) {
        let given = identity(layer);
        if *known.entry(layer.blob).or_insert(given) != given {
            votes.entry(layer.blob).or_default();
        }
    }
    drop(known);
    if votes.is_empty() {
        return votes;
    }
    for (at, one) in found.iter().enumerate() {
        for layer in one.config.layers() {
            let Some(votes) = votes.get_mut(&layer.blob) else { continue };
            let votes = votes.entry(identity(layer)).or_insert(Votes { count: 1, first: at, last: at });
            if votes.last != at {
                votes.count += 1;
                votes.last = at;
            }
        }
    }
    votes
}

/// Returns the identity of each contested blob that is assumed to be right.
fn decide(votes: HashMap<Digest, HashMap<Identity, Votes>>, sources: &[&S3Cache]) -> Result<HashMap<Digest, Identity>> {
    let several_sizes = |votes: &HashMap<Identity, Votes>| {
        let mut sizes = votes.keys().map(|(size, _)| size);
        sizes.next().is_some_and(|first| sizes.any(|size| size != first))
    };
    let blobs = votes.iter().filter(|(_, votes)| several_sizes(votes)).map(|(blob, _)| *blob).take(MOST_SIZES);
    let stored = stored_sizes(sources, &blobs.collect::<Vec<_>>())?;
    let winner = |blob: Digest, votes: HashMap<Identity, Votes>| {
        let best = votes.into_iter().max_by_key(|((size, _), votes)| {
            // Only the empty blob has no bytes. For any other, a size of zero means that its size was lost.
            let plausible = *size > 0 || blob == Digest::of(b"");
            (stored.contains(&(blob, *size)), plausible, votes.count, Reverse(votes.first))
        });
        best.map(|(identity, _)| (blob, identity))
    };
    Ok(votes.into_iter().filter_map(|(blob, votes)| winner(blob, votes)).collect())
}

/// Returns the sizes of the blobs in the sources that respond.
fn stored_sizes(sources: &[&S3Cache], blobs: &[Digest]) -> Result<HashSet<(Digest, u64)>> {
    let mut sizes = HashSet::new();
    for source in sources {
        let fails = AtomicBool::new(false);
        let head = |blob: Digest| {
            if fails.load(Ordering::Relaxed) {
                return Ok(None);
            }
            match source.store.head(&source.keys.blob(&blob)) {
                Ok(meta) => Ok(meta.map(|meta| (blob, meta.size))),
                Err(Error::Cancelled) => Err(Error::Cancelled),
                Err(error) => {
                    log::info!("the size of a contested blob cannot be read: {error}");
                    fails.store(true, Ordering::Relaxed);
                    Ok(None)
                }
            }
        };
        let answers = source.pool.map(blobs.to_vec(), &source.context.cancel, |blob, _| head(blob))?;
        sizes.extend(answers.into_iter().flatten());
    }
    Ok(sizes)
}

/// Returns the identities that a manifest gives to contested blobs.
fn identities<'a>(
    found: &'a Found,
    contested: &'a HashMap<Digest, Identity>,
) -> impl Iterator<Item = (Digest, Identity)> + 'a {
    let layers = found.config.layers().iter().filter(|layer| contested.contains_key(&layer.blob));
    layers.map(|layer| (layer.blob, identity(layer)))
}

fn identity(layer: &Layer) -> Identity {
    (layer.annotations.size, layer.annotations.diff_id)
}
