//! The result of a merge while records are added to it, with an index of who links to what.

use std::collections::HashMap;
use std::slice;

use crate::base::{Result, sort};
use crate::cache_config::overlay::graph::{Link, Outcome, narrow};
use crate::cache_config::overlay::levels::Levels;
use crate::cache_config::overlay::work::Work;

/// The records of the result so far.
#[derive(Default)]
pub(super) struct Working {
    nodes: Vec<WorkingNode>,
    /// The record without inputs of each digest.
    roots: HashMap<u32, u32>,
    /// The records with a link.
    linking: HashMap<Place, Linking>,
    levels: Levels,
}

pub(super) struct WorkingNode {
    pub(super) digest: u32,
    pub(super) inputs: Vec<LinkSet>,
    pub(super) result: Option<Outcome>,
}

/// The links of one input, sorted.
#[derive(Default)]
pub(super) struct LinkSet {
    pub(super) links: Vec<Link>,
    /// How many of them lead to records without inputs.
    pub(super) roots: usize,
}

/// Where a link is: in which input of a record with which digest.
#[derive(PartialEq, Eq, Hash)]
struct Place {
    link: Link,
    digest: u32,
    input: u32,
}

/// Records, of which there is nearly always one.
enum Linking {
    One(u32),
    Many(Vec<u32>),
}

impl Linking {
    fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(record) => slice::from_ref(record),
            Self::Many(records) => records,
        }
    }

    fn push(&mut self, record: u32) {
        match self {
            Self::One(first) => *self = Self::Many(vec![*first, record]),
            Self::Many(records) => records.push(record),
        }
    }
}

impl Working {
    pub(super) fn into_nodes(self) -> Vec<WorkingNode> {
        self.nodes
    }

    pub(super) fn len(&self) -> u32 {
        narrow(self.nodes.len())
    }

    pub(super) fn input(&self, record: u32, input: usize) -> Option<&LinkSet> {
        self.nodes.get(record as usize)?.inputs.get(input)
    }

    /// Returns a record's links for one input.
    pub(super) fn links(&self, record: u32, input: usize) -> &[Link] {
        self.input(record, input).map(|set| set.links.as_slice()).unwrap_or_default()
    }

    pub(super) fn result(&self, record: u32) -> Option<Outcome> {
        self.nodes.get(record as usize)?.result
    }

    pub(super) fn set_result(&mut self, record: u32, result: Outcome) {
        if let Some(node) = self.nodes.get_mut(record as usize) {
            node.result = Some(result);
        }
    }

    pub(super) fn root(&self, digest: u32) -> Option<u32> {
        self.roots.get(&digest).copied()
    }

    /// Returns whether a link leads to a record without inputs.
    pub(super) fn is_root(&self, link: &Link) -> bool {
        self.nodes.get(link.record as usize).is_some_and(|node| node.inputs.is_empty())
    }

    /// Returns the records with this link in this input, whose digest is the given one.
    pub(super) fn linking(&self, link: Link, input: usize, digest: u32) -> &[u32] {
        let place = Place { link, digest, input: narrow(input) };
        self.linking.get(&place).map(Linking::as_slice).unwrap_or_default()
    }

    /// Adds a record, given the sorted links of each input.
    pub(super) fn add(&mut self, digest: u32, inputs: Vec<Vec<Link>>, result: Option<Outcome>) -> u32 {
        let record = self.len();
        self.levels.add(inputs.iter().flatten().map(|link| link.record));
        for (input, links) in inputs.iter().enumerate() {
            links.iter().for_each(|link| self.index(record, digest, input, *link));
        }
        if inputs.is_empty() {
            self.roots.insert(digest, record);
        }
        let set = |links: Vec<Link>| LinkSet { roots: links.iter().filter(|link| self.is_root(link)).count(), links };
        let inputs = inputs.into_iter().map(set).collect();
        self.nodes.push(WorkingNode { digest, inputs, result });
        record
    }

    fn index(&mut self, record: u32, digest: u32, input: usize, link: Link) {
        let place = Place { link, digest, input: narrow(input) };
        self.linking.entry(place).and_modify(|records| records.push(record)).or_insert(Linking::One(record));
    }

    /// Adds links, sorted and none of them present, to one input of a record. None may close a cycle.
    pub(super) fn link(&mut self, record: u32, input: usize, links: Vec<Link>, work: &mut Work) -> Result<()> {
        if links.is_empty() {
            return Ok(());
        }
        work.spend(links.len() + self.links(record, input).len() / 16)?;
        for link in &links {
            self.levels.link(record, link.record, work)?;
        }
        let roots = links.iter().filter(|link| self.is_root(link)).count();
        let Some(node) = self.nodes.get_mut(record as usize) else { return Ok(()) };
        let digest = node.digest;
        if let Some(set) = node.inputs.get_mut(input) {
            set.roots += roots;
            set.links = merged(&set.links, &links);
        }
        links.into_iter().for_each(|link| self.index(record, digest, input, link));
        Ok(())
    }

    /// Removes the links to records without inputs from one input of a record.
    pub(super) fn unlink_roots(&mut self, record: u32, input: usize, work: &mut Work) -> Result<()> {
        work.spend(self.links(record, input).len())?;
        let (gone, kept) = self.links(record, input).iter().partition(|link| self.is_root(link));
        let gone: Vec<Link> = gone;
        let Some(node) = self.nodes.get_mut(record as usize) else { return Ok(()) };
        let digest = node.digest;
        if let Some(set) = node.inputs.get_mut(input) {
            *set = LinkSet { links: kept, roots: 0 };
        }
        for link in gone {
            if let Some(linking) = self.linking.get_mut(&Place { link, digest, input: narrow(input) }) {
                work.spend(linking.as_slice().len())?;
                let rest = linking.as_slice().iter().copied().filter(|other| *other != record).collect();
                *linking = Linking::Many(rest);
            }
        }
        Ok(())
    }

    /// Returns the records with this digest and number of inputs that share one of these links in each input, in the
    /// order in which they were added.
    pub(super) fn candidates(&self, digest: u32, inputs: &[Vec<Link>], work: &mut Work) -> Result<Vec<u32>> {
        let mut shortest = None;
        for (input, links) in inputs.iter().enumerate() {
            work.spend(links.len())?;
            let total: usize = links.iter().map(|link| self.linking(*link, input, digest).len()).sum();
            if shortest.is_none_or(|(known, _, _)| total < known) {
                shortest = Some((total, input, links));
            }
        }
        let Some((total, input, links)) = shortest else { return Ok(Vec::new()) };
        work.spend(total)?;
        let found = sort::distinct(links.iter().flat_map(|link| self.linking(*link, input, digest)).copied());
        let mut fitting = Vec::new();
        for record in found {
            let own = self.nodes.get(record as usize).map(|node| node.inputs.len());
            if own == Some(inputs.len()) && self.shares(record, inputs, Some(input), work)? {
                fitting.push(record);
            }
        }
        Ok(fitting)
    }

    /// Returns whether a record shares one of these links in each input but `known`.
    pub(super) fn shares(
        &self,
        record: u32,
        inputs: &[Vec<Link>],
        known: Option<usize>,
        work: &mut Work,
    ) -> Result<bool> {
        for (input, links) in inputs.iter().enumerate() {
            if Some(input) != known && !intersect(self.links(record, input), links, work)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns whether another record with the same digest and number of inputs has this link, and shares a link with
    /// `record`, or with `more`, in each of the other inputs. BuildKit's importer would merge the two.
    pub(super) fn is_taken(
        &self,
        record: u32,
        input: usize,
        link: Link,
        more: &[Vec<Link>],
        work: &mut Work,
    ) -> Result<bool> {
        let Some(node) = self.nodes.get(record as usize) else { return Ok(false) };
        let others = self.linking(link, input, node.digest);
        work.spend(others.len())?;
        'others: for other in others.iter().copied().filter(|other| *other != record) {
            let Some(theirs) = self.nodes.get(other as usize) else { continue };
            if theirs.inputs.len() != node.inputs.len() {
                continue;
            }
            for (at, (own, set)) in node.inputs.iter().zip(&theirs.inputs).enumerate() {
                let more = more.get(at).map(Vec::as_slice).unwrap_or_default();
                let shared =
                    at == input || intersect(&own.links, &set.links, work)? || intersect(more, &set.links, work)?;
                if !shared {
                    continue 'others;
                }
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Returns whether a link from `record` to `target` would close a cycle.
    pub(super) fn closes_cycle(&mut self, record: u32, target: u32, work: &mut Work) -> Result<bool> {
        let nodes = &self.nodes;
        let linked = |at: u32| {
            let node = nodes.get(at as usize);
            node.into_iter().flat_map(|node| &node.inputs).flat_map(|set| &set.links).map(|link| link.record)
        };
        self.levels.reaches(target, record, linked, work)
    }
}

/// Returns whether two sorted lists have a link in common.
pub(super) fn intersect(one: &[Link], other: &[Link], work: &mut Work) -> Result<bool> {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    for link in short {
        work.spend(1)?;
        if long.binary_search(link).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Merges two sorted lists.
fn merged(most: &[Link], others: &[Link]) -> Vec<Link> {
    let mut all = Vec::with_capacity(most.len() + others.len());
    let mut rest = most;
    for link in others {
        let (before, behind) = rest.split_at(rest.partition_point(|known| known < link));
        all.extend_from_slice(before);
        all.push(*link);
        rest = behind;
    }
    all.extend_from_slice(rest);
    all
}
