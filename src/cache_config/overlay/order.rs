//! The order in which a merge visits the records of a config.

use crate::base::{Digest, sort};
use crate::cache_config::canonical::record_id;
use crate::cache_config::model::set;
use crate::cache_config::overlay::graph::{Graph, Link, Node, Outcome, narrow};
use crate::cache_config::overlay::table::Table;

/// Returns the records with inputs before the records that link to them, ties by id, and the place of each. Records
/// with the same id are merged into one with the newest of their results.
pub(super) fn ordered(nodes: Graph, table: &Table) -> (Graph, Vec<u32>) {
    let keys = keys(&nodes, table);
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    sort::sort_by_key(&mut order, |at| keys.get(*at));
    let mut places = vec![0; nodes.len()];
    let (mut place, mut previous) = (0_u32, None);
    for at in &order {
        let key = keys.get(*at);
        place += u32::from(previous.is_some() && previous != key);
        set(&mut places, *at, place);
        previous = key;
    }
    drop(keys);
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let mut merged: Graph = Vec::with_capacity(place as usize + 1);
    for at in order {
        let (Some(place), Some(mut node)) = (places.get(at), nodes.get_mut(at).and_then(Option::take)) else {
            continue;
        };
        match merged.get_mut(*place as usize) {
            Some(known) => known.result = newer(known.result, node.result),
            None => {
                for links in &mut node.inputs {
                    for link in links.iter_mut() {
                        link.record = places.get(link.record as usize).copied().unwrap_or_default();
                    }
                    sort::sort(links);
                    links.dedup();
                }
                merged.push(node);
            }
        }
    }
    (merged, places)
}

fn newer(one: Option<Outcome>, other: Option<Outcome>) -> Option<Outcome> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.newer(other)),
        _ => one.or(other),
    }
}

/// Returns the depth and the id of each record. Records without inputs have depth 0.
fn keys(nodes: &[Node], table: &Table) -> Vec<(u32, Digest)> {
    let mut keys: Vec<Option<(u32, Digest)>> = vec![None; nodes.len()];
    let mut path: Vec<u32> = Vec::new();
    for start in 0..narrow(nodes.len()) {
        path.push(start);
        while let Some(at) = path.last().copied() {
            let key = |link: &Link| keys.get(link.record as usize).copied().flatten();
            let Some(node) = nodes.get(at as usize).filter(|_| key(&Link { record: at, selector: 0 }).is_none()) else {
                path.pop();
                continue;
            };
            let before = path.len();
            let links = || node.inputs.iter().flatten();
            path.extend(links().filter(|link| key(link).is_none()).map(|link| link.record));
            if path.len() == before {
                let depth = links().filter_map(key).map(|(depth, _)| depth + 1).max().unwrap_or(0);
                let named = |link: &Link| Some((table.text(link.selector), key(link)?.1));
                let inputs = node.inputs.iter().map(|links| links.iter().filter_map(named).collect());
                let id = record_id(table.text(node.digest), inputs);
                set(&mut keys, at as usize, Some((depth, id)));
                path.pop();
            }
        }
    }
    keys.into_iter().flatten().collect()
}
