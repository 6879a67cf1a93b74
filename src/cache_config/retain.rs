//! Bounds what merges keep: leaves that have not been exported for long go, then the oldest until the rest fits.

use std::cmp::Reverse;
use std::time::Duration;

use crate::base::sort;
use crate::cache_config::crown::latest;
use crate::cache_config::filter::{KeptLayers, places};
use crate::cache_config::model::{Alternatives, CacheConfig, Record, RecordIndex, set};
use crate::go::Timestamp;

/// Every leaf with the time at which it was last exported, and perhaps records that were leaves at that time.
pub(crate) type LeafTimes = Box<[(RecordIndex, Timestamp)]>;

/// What is left of a config.
pub(crate) struct Retained {
    pub(crate) config: CacheConfig,
    /// The leaves that were kept, as records of the original config.
    pub(crate) leaves: Vec<RecordIndex>,
    /// The number of leaves that were dropped.
    pub(crate) dropped: usize,
}

impl CacheConfig {
    /// Returns when each leaf was last exported. A leaf whose time is unknown counts as its newest result, at or below
    /// it. A time later than `now` counts as `now`, because a machine's clock was ahead.
    pub(crate) fn export_times(&self, now: Timestamp) -> LeafTimes {
        let results = self.newest_results();
        let known = |leaf| self.leaf_time(leaf).is_some();
        let newest = |leaf: RecordIndex| results.get(leaf.0).copied().flatten().unwrap_or(Timestamp::ZERO);
        let unknown = self.leaves().filter(|leaf| !known(*leaf)).map(|leaf| (leaf, newest(leaf)));
        let times = self.leaf_times.iter().copied().chain(unknown);
        latest(times.map(|(leaf, time)| (leaf, earlier(time.to_whole_seconds(), now))).collect())
    }

    /// Returns the newest result of each leaf, at or below it, as far as it is known.
    pub(crate) fn newest_times(&self) -> Vec<(RecordIndex, Timestamp)> {
        let results = self.newest_results();
        let newest = |leaf: RecordIndex| Some((leaf, results.get(leaf.0).copied().flatten()?));
        self.leaves().filter_map(newest).filter(|(_, time)| !time.is_zero()).collect()
    }

    /// Returns the config with these leaf times instead of its own.
    #[must_use]
    pub(crate) fn with_leaf_times(mut self, times: Vec<(RecordIndex, Timestamp)>) -> Self {
        self.leaf_times = latest(times);
        self
    }

    /// Keeps the leaves whose time is at most `max_age` before the newest, and of those as many of the newest as `fits`
    /// allows. The `own` leaves, which are sorted, are always kept. Keeps only the records and layers that these leaves
    /// need. Any other leaf is redundant if a leaf needs it and is at least as new. Every leaf must have a time.
    pub(crate) fn retain_newest(
        &self,
        own: &[RecordIndex],
        max_age: Duration,
        fits: impl Fn(&Self) -> bool,
    ) -> Retained {
        let mut leaves = self.needed_leaves(own);
        let all = leaves.len();
        sort::sort_by_key(&mut leaves, |(leaf, time)| {
            (own.binary_search(leaf).is_err(), Reverse(time.instant()), *leaf)
        });
        if let Some(newest) = leaves.iter().map(|(_, time)| time.instant()).max() {
            let max_age = i128::try_from(max_age.as_nanos()).unwrap_or(i128::MAX);
            let oldest = newest.saturating_sub(max_age);
            leaves.retain(|(leaf, time)| own.binary_search(leaf).is_ok() || time.instant() >= oldest);
        }
        let newest = |count: usize| self.only(leaves.get(..count).unwrap_or_default());
        let retained = |config: Self, count: usize| {
            let leaves = leaves.iter().take(count).map(|(leaf, _)| *leaf).collect();
            Retained { config, leaves, dropped: all - count }
        };
        let whole = newest(leaves.len());
        let least = leaves.iter().take_while(|(leaf, _)| own.binary_search(leaf).is_ok()).count().max(1);
        if leaves.len() <= least || fits(&whole) {
            return retained(whole, leaves.len());
        }
        // The more leaves, the larger.
        let (mut least, mut most) = (least, leaves.len() - 1);
        while least < most {
            let middle = (least + most).div_ceil(2);
            if fits(&newest(middle)) {
                least = middle;
            } else {
                most = middle - 1;
            }
        }
        retained(newest(least), least)
    }

    /// Returns the `own` leaves and those that no other one makes redundant, with their times.
    fn needed_leaves(&self, own: &[RecordIndex]) -> Vec<(RecordIndex, Timestamp)> {
        // The newest time of the leaves that need a record, without its own.
        let mut above: Vec<Option<Timestamp>> = vec![None; self.records.len()];
        for at in self.inputs_first().into_iter().rev() {
            let own = self.leaf_time(RecordIndex(at));
            let time = later(own, above.get(at).copied().flatten());
            for input in self.records.get(at).into_iter().flat_map(|record| record.inputs.iter().flatten()) {
                if let Some(known) = above.get_mut(input.link.0) {
                    *known = later(*known, time);
                }
            }
        }
        let redundant = |leaf: RecordIndex, time: &Timestamp| {
            above.get(leaf.0).copied().flatten().is_some_and(|above| above.instant() >= time.instant())
        };
        let needed =
            |(leaf, time): &&(RecordIndex, Timestamp)| own.binary_search(leaf).is_ok() || !redundant(*leaf, time);
        self.leaf_times.iter().filter(needed).copied().collect()
    }

    /// Returns the config with only these leaves, and what they need.
    fn only(&self, leaves: &[(RecordIndex, Timestamp)]) -> Self {
        let mut kept = vec![false; self.records.len()];
        let mut queue: Vec<RecordIndex> = leaves.iter().map(|(leaf, _)| *leaf).collect();
        while let Some(RecordIndex(at)) = queue.pop() {
            if let Some(known @ false) = kept.get_mut(at) {
                *known = true;
                let record = self.records.get(at);
                queue.extend(record.into_iter().flat_map(|record| record.inputs.iter().flatten()).map(|i| i.link));
            }
        }
        let places = places(&kept);
        let place = |RecordIndex(at)| places.get(at).copied().flatten().map(RecordIndex);
        let moved = |record: &Record| {
            let mut record = record.clone();
            for input in record.inputs.iter_mut().flat_map(Alternatives::as_mut_slice) {
                input.link = place(input.link).unwrap_or(input.link);
            }
            record
        };
        let records = self.records.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(record, _)| moved(record));
        let leaf_times = leaves.iter().filter_map(|(leaf, time)| Some((place(*leaf)?, *time))).collect();
        let config = Self { layers: self.layers.clone(), records: records.collect(), leaf_times: latest(leaf_times) };
        config.without_unused_layers()
    }

    /// Returns the config with only the layers that a result needs, and all records.
    pub(super) fn without_unused_layers(self) -> Self {
        let mut used = vec![false; self.layers.len()];
        for record in &self.records {
            let listed = record.chains.iter().flat_map(|chain| &chain.layers);
            for layer in record.results.iter().map(|result| &result.layer).chain(listed) {
                self.mark_chain(*layer, &mut used);
            }
        }
        self.keep(&KeptLayers { chains: used.clone(), layers: used })
    }

    /// Returns the newest result of each record, or of those that it needs.
    fn newest_results(&self) -> Vec<Option<Timestamp>> {
        let mut newest: Vec<Option<Timestamp>> = vec![None; self.records.len()];
        for at in self.inputs_first() {
            let Some(record) = self.records.get(at) else { continue };
            let own = record.newest_result().map(|result| result.created_at());
            let below = record.inputs.iter().flatten().map(|input| newest.get(input.link.0).copied().flatten());
            let time = below.fold(own, later);
            set(&mut newest, at, time);
        }
        newest
    }

    /// Returns the records in an order in which those that a record links to are before it.
    fn inputs_first(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.records.len());
        let mut seen = vec![false; self.records.len()];
        // Each record with the links that were not followed yet.
        let mut path = Vec::new();
        for start in 0..self.records.len() {
            let mut next = Some(start);
            loop {
                if let Some(at) = next
                    && let Some(known @ false) = seen.get_mut(at)
                {
                    *known = true;
                    path.push((at, self.records.get(at).into_iter().flat_map(|record| record.inputs.iter().flatten())));
                }
                let Some((at, links)) = path.last_mut() else { break };
                next = links.next().map(|input| input.link.0);
                if next.is_none() {
                    order.push(*at);
                    path.pop();
                }
            }
        }
        order
    }
}

fn later(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().max_by_key(Timestamp::instant)
}

fn earlier(one: Timestamp, other: Timestamp) -> Timestamp {
    if other.instant() < one.instant() { other } else { one }
}
