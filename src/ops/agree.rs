//! Manifests that contradict each other about a blob: the majority is kept.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::base::Digest;
use crate::cache_config::Layer;
use crate::ops::cache::Context;
use crate::ops::load::Found;

/// What no two manifests may give one blob twice: a size and a diffID.
type Identity = (u64, Digest);

/// The manifests that agree about all blobs, in their order. Each of the others is skipped with a warning.
///
/// Of a contested blob, the identity that most manifests give it is taken to be right, or the first where as many give
/// it another one. Manifests are accepted by how often they are right.
pub(super) fn agreeing(context: &Context, found: Vec<Found>) -> Vec<Found> {
    let contested = if found.len() > 1 { contested(&found) } else { HashMap::new() };
    if contested.is_empty() {
        return found;
    }
    let mistakes = |one| identities(one, &contested).filter(|(blob, given)| contested.get(blob) != Some(given)).count();
    let mut order: Vec<(usize, usize)> = found.iter().map(mistakes).zip(0..).collect();
    order.sort_unstable();
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
        return found;
    }
    drop(accepted);
    let kept = found.into_iter().enumerate().filter(|(at, found)| match skipped.get(at) {
        Some(why) => {
            context.warn(&format!("skipping the manifest {}: {why}", found.location));
            false
        }
        None => true,
    });
    kept.map(|(_, found)| found).collect()
}

/// How a manifest contradicts itself, or one that is accepted.
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
        (*known != given).then(|| format!("it gives the blob {blob} another size or diffID than {}", by.location))
    })
}

/// By how many manifests an identity is given, and by which first and last.
struct Votes {
    count: usize,
    first: usize,
    last: usize,
}

/// The blobs to which the manifests give several identities, each with the one that is taken to be right.
fn contested(found: &[Found]) -> HashMap<Digest, Identity> {
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
        return HashMap::new();
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
    let winner = |votes: HashMap<Identity, Votes>| {
        let best = votes.into_iter().max_by_key(|(_, votes)| (votes.count, Reverse(votes.first)));
        best.map(|(identity, _)| identity)
    };
    votes.into_iter().filter_map(|(blob, votes)| Some((blob, winner(votes)?))).collect()
}

/// The identities that a manifest gives contested blobs.
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
