//! Merges the graphs of several sources, starting with the oldest.

use std::cmp::Ordering;
use std::mem;

use crate::base::{Result, sort};
use crate::cache_config::overlay::graph::{Graph, Node, compare, newest};
use crate::cache_config::overlay::order::ordered;
use crate::cache_config::overlay::place::{DROPPED, Overlay, overlay};
use crate::cache_config::overlay::table::Table;
use crate::cache_config::overlay::work::Work;

/// A merged graph, with the place of each source's records in it.
pub(super) struct Folded {
    pub(super) graph: Graph,
    /// By source and by record: the place, or [`DROPPED`].
    pub(super) images: Vec<Vec<u32>>,
}

/// Merges the graphs of all sources, whose records are in any order.
///
/// # Errors
/// If that takes too much work.
pub(super) fn fold(sources: Vec<Graph>, table: &Table) -> Result<Folded> {
    let mut work = Work::new();
    let mut images: Vec<Vec<u32>> = Vec::with_capacity(sources.len());
    let mut parts: Vec<(usize, Graph)> = Vec::with_capacity(sources.len());
    for (at, source) in sources.into_iter().enumerate() {
        // On its own, so that a source's contradictions with itself do not count as some with another.
        let (nodes, places) = ordered(source, table);
        let alone = overlay(&nodes, &[], table, &mut work)?;
        let [own, _] = alone.images;
        images.push(composed(&places, &own));
        parts.push((at, alone.graph));
    }
    sort::sort_by(&mut parts, |(_, a), (_, b)| by_strength(a, b).reverse());
    let mut parts = parts.into_iter();
    let Some((first, mut graph)) = parts.next() else { return Ok(Folded { graph: Vec::new(), images }) };
    let mut merged = vec![first];
    for (at, part) in parts {
        let pair = merge(&graph, &part, table, &mut work)?;
        graph = pair.graph;
        let [of_merged, of_part] = pair.images;
        for source in &merged {
            replace(&mut images, *source, &of_merged);
        }
        replace(&mut images, at, &of_part);
        merged.push(at);
    }
    Ok(Folded { graph, images })
}

fn replace(images: &mut [Vec<u32>], source: usize, moved: &[u32]) {
    if let Some(own) = images.get_mut(source) {
        *own = composed(&mem::take(own), moved);
    }
}

/// Returns where each record goes if the first step is followed by the second.
fn composed(first: &[u32], second: &[u32]) -> Vec<u32> {
    first.iter().map(|place| second.get(*place as usize).copied().unwrap_or(DROPPED)).collect()
}

/// Orders two graphs: the one with the newer result first, then the one with more records, then by content. A merge
/// nearly always has more records than each of its sources, so it stays as it is if one of them is merged again.
fn by_strength(one: &[Node], other: &[Node]) -> Ordering {
    let key = |nodes: &[Node]| (newest(nodes), nodes.len());
    key(other).cmp(&key(one)).then_with(|| compare(one, other))
}

/// Merges two graphs. If both have results of one record and they differ, the strong graph is the one with the newest
/// such result. If those are equally new, it is the one with the newest result of any record, then the one whose result
/// sorts last: that does not depend on what else the graphs contain, so merging one of them again changes nothing.
fn merge(one: &[Node], other: &[Node], table: &Table, work: &mut Work) -> Result<Overlay> {
    let swapped = by_strength(one, other) == Ordering::Greater;
    let (strong, weak) = if swapped { (other, one) } else { (one, other) };
    let merged = overlay(strong, weak, table, work)?;
    let Some([(strong_at, strong_layers), (weak_at, weak_layers)]) = merged.rivals else {
        return Ok(in_order(merged, swapped));
    };
    if (strong_at, newest(strong), strong_layers) >= (weak_at, newest(weak), weak_layers) {
        return Ok(in_order(merged, swapped));
    }
    drop(merged);
    Ok(in_order(overlay(weak, strong, table, work)?, !swapped))
}

/// Puts the images of the two graphs in the order of the arguments.
fn in_order(mut merged: Overlay, swapped: bool) -> Overlay {
    if swapped {
        merged.images.reverse();
    }
    merged
}
