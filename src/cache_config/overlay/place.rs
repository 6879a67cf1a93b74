//! Overlays one config on another: one lineage per record.
//!
//! BuildKit's importer merges records that share one link in each input. A record then has two results, of which
//! BuildKit loads the newest, and the key of one content leads to the files of another. Here, such records are merged
//! only if they agree on the content of their inputs. If they do not, the record of the strong config remains.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::base::{Result, sort};
use crate::cache_config::model::set;
use crate::cache_config::overlay::graph::{Graph, Link, Node, Outcome};
use crate::cache_config::overlay::order::ordered;
use crate::cache_config::overlay::table::Table;
use crate::cache_config::overlay::work::Work;
use crate::cache_config::overlay::working::{Working, intersect};

/// A record that was dropped.
pub(super) const DROPPED: u32 = u32::MAX;

/// The overlay of two configs.
pub(super) struct Overlay {
    pub(super) graph: Graph,
    /// The place of each record of the strong and of the weak config in the result, or [`DROPPED`].
    pub(super) images: [Vec<u32>; 2],
    /// The newest of the results that both configs have of one record and that differ, in either config: the instant,
    /// and the rank of the layers.
    pub(super) rivals: Option<[(i128, u32); 2]>,
}

/// Overlays a strong config on a weak one.
pub(super) fn overlay(strong: &[Node], weak: &[Node], table: &Table, work: &mut Work) -> Result<Overlay> {
    work.begin_pass();
    let mut merge = Merge { working: Working::default(), strong: None, filled: HashSet::new(), rivals: None, work };
    let strong = merge.place_all(strong)?;
    merge.strong = Some(merge.working.len());
    let weak = merge.place_all(weak)?;
    let Merge { working, rivals, .. } = merge;
    let (graph, places) = finish(working, table);
    let moved = |images: Vec<u32>| {
        let place = |at: u32| places.get(at as usize).copied().unwrap_or(DROPPED);
        images.into_iter().map(place).collect::<Vec<u32>>()
    };
    Ok(Overlay { graph, images: [moved(strong), moved(weak)], rivals })
}

/// Drops records without inputs that have no result and that nothing links to. Returns the others in order, and the
/// place of each record.
fn finish(working: Working, table: &Table) -> (Graph, Vec<u32>) {
    let nodes = working.into_nodes();
    let mut linked = vec![false; nodes.len()];
    for link in nodes.iter().flat_map(|node| &node.inputs).flat_map(|links| &links.links) {
        set(&mut linked, link.record as usize, true);
    }
    let kept =
        nodes.iter().zip(linked).map(|(node, linked)| linked || node.result.is_some() || !node.inputs.is_empty());
    let mut next = 0;
    let kept: Vec<u32> = kept
        .map(|kept| {
            next += u32::from(kept);
            if kept { next - 1 } else { DROPPED }
        })
        .collect();
    let place = |at: u32| kept.get(at as usize).copied().unwrap_or(DROPPED);
    let compact = nodes.into_iter().zip(&kept).filter(|(_, place)| **place != DROPPED).map(|(node, _)| {
        let inputs = node.inputs.into_iter().map(|set| {
            let mut links = set.links;
            links.iter_mut().for_each(|link| link.record = place(link.record));
            links
        });
        Node { digest: node.digest, inputs: inputs.collect(), result: node.result }
    });
    let (graph, places) = ordered(compact.collect(), table);
    let places = kept.iter().map(|at| places.get(*at as usize).copied().unwrap_or(DROPPED)).collect();
    (graph, places)
}

struct Merge<'a> {
    working: Working,
    /// The number of records that the strong config added, once they are all there.
    strong: Option<u32>,
    /// The records of the strong config that have their result from the weak one.
    filled: HashSet<u32>,
    rivals: Option<[(i128, u32); 2]>,
    work: &'a mut Work,
}

/// A record of a source on its way into the result.
struct Incoming<'n> {
    node: &'n Node,
    /// The links of each input to the images of the linked records.
    links: Vec<Vec<Link>>,
}

/// Where a record went: its image, and other records that a build step may find in its place.
type Placed = (u32, Box<[u32]>);

impl Merge<'_> {
    /// Adds the records of a config. Returns their images.
    fn place_all(&mut self, nodes: &[Node]) -> Result<Vec<u32>> {
        let mut images = Vec::with_capacity(nodes.len());
        let mut aliases: Vec<Box<[u32]>> = Vec::with_capacity(nodes.len());
        for node in nodes {
            let (image, others) = self.place(node, &images, &aliases)?;
            self.work.create(others.len())?;
            images.push(image);
            aliases.push(others);
        }
        Ok(images)
    }

    fn place(&mut self, node: &Node, images: &[u32], aliases: &[Box<[u32]>]) -> Result<Placed> {
        if node.inputs.is_empty() {
            return Ok((self.place_root(node), Box::default()));
        }
        let incoming = self.incoming(node, images)?;
        let wide = self.with_aliases(node, &incoming.links, aliases)?;
        let found = self.working.candidates(node.digest, &wide, self.work)?;
        if found.is_empty() {
            return Ok((self.working.add(node.digest, wide.into_owned(), node.result), Box::default()));
        }
        for candidate in &found {
            if self.is_compatible(*candidate, &incoming)? {
                return self.unite(*candidate, &incoming, &found);
            }
        }
        if let Some(candidate) = self.give_way(&incoming, &found)? {
            return self.unite(candidate, &incoming, &found);
        }
        let apart = self.links_apart(&incoming, &found)?;
        let Some((first, others)) = found.split_first() else { return Ok((DROPPED, Box::default())) };
        self.keep_result(*first, node.result, apart.is_none());
        match apart {
            Some(links) => Ok((self.working.add(node.digest, links, node.result), found.into())),
            None => Ok((*first, others.into())),
        }
    }

    fn place_root(&mut self, node: &Node) -> u32 {
        match self.working.root(node.digest) {
            Some(known) => {
                self.keep_result(known, node.result, true);
                known
            }
            None => self.working.add(node.digest, Vec::new(), node.result),
        }
    }

    fn incoming<'n>(&mut self, node: &'n Node, images: &[u32]) -> Result<Incoming<'n>> {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for links in &node.inputs {
            self.work.spend(links.len())?;
            let moved = |link: &Link| Some(Link { record: *images.get(link.record as usize)?, ..*link });
            inputs.push(sort::distinct(links.iter().filter_map(moved)));
        }
        Ok(Incoming { node, links: inputs })
    }

    /// Returns the links of a record, and the same to the aliases of the linked records.
    fn with_aliases<'l>(
        &mut self,
        node: &Node,
        links: &'l [Vec<Link>],
        aliases: &[Box<[u32]>],
    ) -> Result<Cow<'l, [Vec<Link>]>> {
        let of = |link: &Link| aliases.get(link.record as usize).map(|others| &**others).unwrap_or_default();
        let more: usize = node.inputs.iter().flatten().map(|link| of(link).len()).sum();
        if more == 0 {
            return Ok(Cow::Borrowed(links));
        }
        self.work.spend(more)?;
        self.work.create(more)?;
        let wide = links.iter().zip(&node.inputs).map(|(images, own)| {
            let others = own.iter().flat_map(|link| of(link).iter().map(|record| Link { record: *record, ..*link }));
            sort::distinct(images.iter().copied().chain(others))
        });
        Ok(Cow::Owned(wide.collect()))
    }

    /// Returns whether a record of the result shares a link with the incoming one in each input, and in no input do
    /// both have links to contents but none in common.
    fn is_compatible(&mut self, candidate: u32, incoming: &Incoming<'_>) -> Result<bool> {
        if !self.working.shares(candidate, &incoming.links, None, self.work)? {
            return Ok(false);
        }
        for input in 0..incoming.links.len() {
            if self.disagrees(candidate, input, incoming)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns whether both records have links to contents in this input, but none in common.
    fn disagrees(&mut self, candidate: u32, input: usize, incoming: &Incoming<'_>) -> Result<bool> {
        let Some(known) = self.working.input(candidate, input).filter(|known| known.roots > 0) else {
            return Ok(false);
        };
        let links = incoming.links.get(input).map(Vec::as_slice).unwrap_or_default();
        self.work.spend(links.len())?;
        let roots: Vec<Link> = links.iter().copied().filter(|link| self.working.is_root(link)).collect();
        Ok(!roots.is_empty() && !intersect(&roots, &known.links, self.work)?)
    }

    /// Merges the incoming record with one of those found.
    fn unite(&mut self, record: u32, incoming: &Incoming<'_>, found: &[u32]) -> Result<Placed> {
        self.keep_result(record, incoming.node.result, true);
        for (input, links) in incoming.links.iter().enumerate() {
            let mut added = Vec::new();
            for link in links {
                self.work.spend(1)?;
                if self.working.links(record, input).binary_search(link).is_err()
                    && !self.working.is_taken(record, input, *link, &[], self.work)?
                    && !self.working.closes_cycle(record, link.record, self.work)?
                {
                    added.push(*link);
                }
            }
            self.working.link(record, input, added, self.work)?;
        }
        Ok((record, found.iter().copied().filter(|other| *other != record).collect()))
    }

    /// If the incoming record has a result and one of those found has none, that one gives up its links to contents
    /// where the two disagree. Returns it.
    fn give_way(&mut self, incoming: &Incoming<'_>, found: &[u32]) -> Result<Option<u32>> {
        if incoming.node.result.is_none() {
            return Ok(None);
        }
        'found: for record in found.iter().copied() {
            if self.working.result(record).is_some() {
                continue;
            }
            let mut disagreeing = Vec::new();
            for input in 0..incoming.links.len() {
                if self.disagrees(record, input, incoming)? {
                    if !self.can_replace_roots(record, input, incoming)? {
                        continue 'found;
                    }
                    disagreeing.push(input);
                }
            }
            for input in disagreeing {
                self.working.unlink_roots(record, input, self.work)?;
            }
            return Ok(Some(record));
        }
        Ok(None)
    }

    /// Returns whether the input still has a link after its links to contents are replaced by those of the incoming
    /// record.
    fn can_replace_roots(&mut self, record: u32, input: usize, incoming: &Incoming<'_>) -> Result<bool> {
        if self.working.input(record, input).is_some_and(|known| known.links.len() > known.roots) {
            return Ok(true);
        }
        for link in incoming.links.get(input).into_iter().flatten() {
            let fits = self.working.is_root(link)
                && !self.working.is_taken(record, input, *link, &incoming.links, self.work)?;
            if fits {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the links with which the incoming record can be a record of its own: in the inputs where it disagrees
    /// with the records found, without those that it shares with them. Returns `None` if such an input has no links
    /// left, or only links to contents.
    fn links_apart(&mut self, incoming: &Incoming<'_>, found: &[u32]) -> Result<Option<Vec<Vec<Link>>>> {
        let mut left = incoming.links.clone();
        for record in found {
            if !self.working.shares(*record, &left, None, self.work)? {
                continue;
            }
            for (input, links) in left.iter_mut().enumerate() {
                if self.disagrees(*record, input, incoming)? {
                    self.work.spend(links.len())?;
                    let known = self.working.links(*record, input);
                    links.retain(|link| known.binary_search(link).is_err());
                }
            }
        }
        let is_definite = |(links, all): (&Vec<Link>, &Vec<Link>)| {
            links.len() == all.len() || links.iter().any(|link| !self.working.is_root(link))
        };
        Ok(left.iter().zip(&incoming.links).all(is_definite).then_some(left))
    }

    /// Gives a record a result, unless it has another one. `fills` says whether one without a result takes it.
    fn keep_result(&mut self, record: u32, result: Option<Outcome>, fills: bool) {
        let Some(result) = result else { return };
        let from_strong = self.strong.is_some_and(|strong| record < strong);
        match self.working.result(record) {
            None if fills => {
                self.working.set_result(record, result);
                if from_strong {
                    self.filled.insert(record);
                }
            }
            None => {}
            Some(known) if known.layers == result.layers => self.working.set_result(record, known.newer(result)),
            Some(known) if from_strong && !self.filled.contains(&record) => {
                let pair = [(known.instant(), known.layers), (result.instant(), result.layers)];
                self.rivals = Some(match self.rivals {
                    Some([strong, weak]) => [strong.max(pair[0]), weak.max(pair[1])],
                    None => pair,
                });
            }
            Some(_) => {}
        }
    }
}
