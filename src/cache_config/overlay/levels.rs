//! Levels of records: each is above all records that it links to. They keep the search for cycles short.

use std::collections::BTreeMap;

use crate::base::Result;
use crate::cache_config::model::set;
use crate::cache_config::overlay::graph::narrow;
use crate::cache_config::overlay::work::Work;

/// The end of a list.
const NONE: u32 = u32::MAX;

/// The levels of all records, by position.
#[derive(Default)]
pub(super) struct Levels {
    levels: Vec<u32>,
    /// The first of each record's entries in `edges`.
    first: Vec<u32>,
    /// The records that link to a record, as linked lists: a record, and the next entry. Links that were removed stay;
    /// they only make levels higher than necessary.
    edges: Vec<(u32, u32)>,
    /// The search in which each record was visited last.
    visited: Vec<u32>,
    searches: u32,
}

impl Levels {
    fn level(&self, record: u32) -> u32 {
        self.levels.get(record as usize).copied().unwrap_or(0)
    }

    /// Adds a record that links to these.
    pub(super) fn add(&mut self, links: impl Iterator<Item = u32>) {
        let record = narrow(self.levels.len());
        let mut level = 0;
        for target in links {
            level = level.max(self.level(target) + 1);
            self.add_edge(record, target);
        }
        self.levels.push(level);
        self.first.push(NONE);
        self.visited.push(0);
    }

    fn add_edge(&mut self, record: u32, target: u32) {
        if let Some(first) = self.first.get_mut(target as usize) {
            self.edges.push((record, *first));
            *first = narrow(self.edges.len() - 1);
        }
    }

    /// Adds a link, and raises the levels of the records above it where necessary.
    pub(super) fn link(&mut self, record: u32, target: u32, work: &mut Work) -> Result<()> {
        self.add_edge(record, target);
        // The lowest first, so that each record is raised once. Its previous level, itself, and its new level.
        let mut open = BTreeMap::from([((self.level(record), record), self.level(target) + 1)]);
        while let Some(((previous, at), level)) = open.pop_first() {
            work.spend(1)?;
            if previous >= level {
                continue;
            }
            set(&mut self.levels, at as usize, level);
            let mut edge = self.first.get(at as usize).copied().unwrap_or(NONE);
            while let Some((above, next)) = self.edges.get(edge as usize).copied() {
                work.spend(1)?;
                let raised = open.entry((self.level(above), above)).or_insert(0);
                *raised = level.saturating_add(1).max(*raised);
                edge = next;
            }
        }
        Ok(())
    }

    /// Returns whether `from` is `to`, or links to it directly or through others. Only records above `to` are visited.
    pub(super) fn reaches<I: Iterator<Item = u32>>(
        &mut self,
        from: u32,
        to: u32,
        linked: impl Fn(u32) -> I,
        work: &mut Work,
    ) -> Result<bool> {
        if from == to {
            return Ok(true);
        }
        self.searches += 1;
        let lowest = self.level(to);
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            if self.level(at) <= lowest || self.visited.get(at as usize) == Some(&self.searches) {
                continue;
            }
            set(&mut self.visited, at as usize, self.searches);
            for target in linked(at) {
                work.spend(1)?;
                if target == to {
                    return Ok(true);
                }
                open.push(target);
            }
        }
        Ok(false)
    }
}
