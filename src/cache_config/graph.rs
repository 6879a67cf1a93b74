//! Finds cycles in a graph, without recursion and with little memory.

use crate::cache_config::model::set;

/// A graph, stored in two lists: a traversal accesses nodes in random order, and the records themselves are far apart
/// in memory. Positions fit in 32 bits because no manifest has that many bytes.
pub(super) struct Links {
    targets: Vec<u32>,
    /// The end of each node's targets, which is also the start of the next node's.
    ends: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    OnPath,
    Done,
}

impl Links {
    pub(super) fn new(nodes: usize, targets: impl Iterator<Item = impl IntoIterator<Item = usize>>) -> Self {
        let mut links = Self { targets: Vec::with_capacity(nodes), ends: Vec::with_capacity(nodes) };
        for targets in targets {
            links.targets.extend(targets.into_iter().map(narrow));
            links.ends.push(narrow(links.targets.len()));
        }
        links
    }

    /// Returns the start of a node's targets.
    fn start(&self, node: u32) -> u32 {
        node.checked_sub(1).and_then(|before| self.ends.get(before as usize)).copied().unwrap_or(0)
    }

    /// Returns the target at this place, or `None` if it is beyond the node's own targets.
    fn target(&self, node: u32, place: u32) -> Option<u32> {
        let end = self.ends.get(node as usize)?;
        self.targets.get(place as usize).copied().filter(|_| place < *end)
    }

    /// Returns one node of each cycle, in order.
    pub(super) fn cycles(&self) -> impl Iterator<Item = usize> {
        let mut marks = vec![Mark::New; self.ends.len()];
        let mut found = Vec::new();
        // Each node with the place of its next target.
        let mut path: Vec<(u32, u32)> = Vec::new();
        for start in 0..narrow(self.ends.len()) {
            if marks.get(start as usize) != Some(&Mark::New) {
                continue;
            }
            set(&mut marks, start as usize, Mark::OnPath);
            path.push((start, self.start(start)));
            while let Some((node, place)) = path.last_mut() {
                let Some(target) = self.target(*node, *place) else {
                    set(&mut marks, *node as usize, Mark::Done);
                    path.pop();
                    continue;
                };
                *place += 1;
                match marks.get(target as usize) {
                    Some(Mark::New) => {
                        set(&mut marks, target as usize, Mark::OnPath);
                        path.push((target, self.start(target)));
                    }
                    Some(Mark::OnPath) => {
                        found.resize(self.ends.len(), false);
                        set(&mut found, target as usize, true);
                    }
                    Some(Mark::Done) | None => {}
                }
            }
        }
        found.into_iter().enumerate().filter(|(_, found)| *found).map(|(at, _)| at)
    }
}

fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
