//! The records of a config as a graph of numbers, which a merge compares and copies cheaply.

use std::cmp::Ordering;

use crate::go::Timestamp;

/// The records of one config: each after the records that it links to, in an order that depends only on their content.
pub(super) type Graph = Vec<Node>;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// The rank of its digest.
    pub(super) digest: u32,
    /// The links of each input, sorted and distinct.
    pub(super) inputs: Box<[Vec<Link>]>,
    /// Its newest result.
    pub(super) result: Option<Outcome>,
}

/// A link to another record of the same graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Link {
    /// The position of the other record.
    pub(super) record: u32,
    /// The rank of the selector.
    pub(super) selector: u32,
}

/// A result of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The rank of its layers among those of all results.
    pub(super) layers: u32,
    pub(super) created_at: Timestamp,
}

impl Outcome {
    pub(super) fn instant(&self) -> i128 {
        self.created_at.instant()
    }

    /// Returns the newer of two results. If they are equally new, their layers decide, then the spelling of the time.
    pub(super) fn newer(self, other: Self) -> Self {
        match self.compare(&other) {
            Ordering::Less => other,
            _ => self,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let key = |outcome: &Self| (outcome.instant(), outcome.layers);
        key(self).cmp(&key(other)).then_with(|| match self.created_at == other.created_at {
            true => Ordering::Equal,
            // As in the canonical order, the smaller text is kept.
            false => other.created_at.to_string().cmp(&self.created_at.to_string()),
        })
    }
}

/// Compares two graphs whose numbers have the same meaning.
pub(super) fn compare(one: &[Node], other: &[Node]) -> Ordering {
    let result = |a: &Option<Outcome>, b: &Option<Outcome>| match (a, b) {
        (Some(a), Some(b)) => a.compare(b),
        _ => a.is_some().cmp(&b.is_some()),
    };
    let differing = one.iter().zip(other).map(|(a, b)| {
        a.digest.cmp(&b.digest).then_with(|| a.inputs.cmp(&b.inputs)).then_with(|| result(&a.result, &b.result))
    });
    differing.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| one.len().cmp(&other.len()))
}

/// Returns the instant of the newest result.
pub(super) fn newest(nodes: &[Node]) -> Option<i128> {
    nodes.iter().filter_map(|node| node.result.as_ref().map(Outcome::instant)).max()
}

/// Returns the same number, or the largest one if it does not fit: no manifest has that many bytes.
pub(super) fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
