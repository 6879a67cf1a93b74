//! The crown: one more record, which links to every leaf of a config. A leaf is a record that no other links to.
//!
//! Since v0.25, BuildKit's importer walks a config once per leaf, and below each leaf but the first it loses links of
//! the records that it has already visited. With a crown there is only one leaf, so one walk finds every link. BuildKit
//! ignores the crown otherwise, and leaves it out when it exports.
//!
//! A crown is not part of a [`CacheConfig`]: every crown is removed on reading, and one is added on writing. So crowns
//! never accumulate.

use std::cmp::Reverse;

use crate::base::sort;
use crate::cache_config::model::{Alternatives, CacheConfig, Record, RecordIndex, set};
use crate::go::Timestamp;

/// The digest of a crown: the SHA-256 of `s3-build-cache: several leaves`.
pub(super) const CROWN_DIGEST: &str = "sha256:f29827d31c8ec69615d4b8bc9791a0e3f7d0123f8ccc4806c76a1cc59c12e6c3";

/// The length of `2026-01-02T03:04:05Z`, the form of a crown's times: in UTC, and in whole seconds.
const TIME_BYTES: usize = 20;

/// The extra record that a config is written with. It links to every leaf, so that BuildKit's importer loses no links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Crown {
    /// No crown: the same bytes as BuildKit's own exporter.
    Omit,
    /// A crown without times, if the config has more than one leaf.
    #[default]
    Plain,
    /// A crown with the [times](CacheConfig::leaf_times) of the leaves, if the config has more than one leaf or a time.
    Timed,
}

impl CacheConfig {
    /// Returns the leaves, which are the records that no other record links to, in the order of the file.
    pub fn leaves(&self) -> impl Iterator<Item = RecordIndex> {
        self.linked().into_iter().enumerate().filter(|(_, linked)| !linked).map(|(at, _)| RecordIndex(at))
    }

    /// Returns when leaves were last exported, sorted by record, as far as the [crown](Crown::Timed) of the file holds
    /// their times. A record may have a time although it is no longer a leaf.
    pub fn leaf_times(&self) -> &[(RecordIndex, Timestamp)] {
        &self.leaf_times
    }

    /// Returns, by position, whether a record links to the record.
    pub(super) fn linked(&self) -> Vec<bool> {
        let mut linked = vec![false; self.records.len()];
        for input in self.records.iter().flat_map(|record| record.inputs.iter().flatten()) {
            set(&mut linked, input.link.0, true);
        }
        linked
    }

    /// Returns the records that the crown links to, sorted; none if the config is written without a crown.
    pub(super) fn crown_links(&self, crown: Crown) -> Vec<RecordIndex> {
        if crown == Crown::Omit {
            return Vec::new();
        }
        let mut links: Vec<RecordIndex> = self.leaves().collect();
        let timed = if crown == Crown::Timed { self.leaf_times() } else { &[] };
        if links.len() < 2 && timed.is_empty() {
            return Vec::new();
        }
        links.extend(timed.iter().map(|(record, _)| *record));
        sort::distinct(links)
    }

    /// Returns the time of a record in [`leaf_times`](Self::leaf_times).
    pub(crate) fn leaf_time(&self, record: RecordIndex) -> Option<Timestamp> {
        let place = self.leaf_times.binary_search_by_key(&record, |(record, _)| *record).ok()?;
        self.leaf_times.get(place).map(|(_, time)| *time)
    }

    /// Returns the config without crowns. The times in their links become [leaf times](Self::leaf_times).
    pub(super) fn without_crowns(mut self) -> Self {
        if !self.records.iter().any(may_be_crown) {
            return self;
        }
        let kept = self.not_crowns();
        let crowns: Vec<usize> = kept.iter().enumerate().filter(|(_, kept)| !**kept).map(|(at, _)| at).collect();
        let moved = |RecordIndex(old)| {
            let is_kept = kept.get(old) == Some(&true);
            is_kept.then(|| RecordIndex(old - crowns.partition_point(|crown| *crown < old)))
        };
        // A file may consist of times, so the list must not be allocated several times while it grows.
        let links =
            crowns.iter().filter_map(|at| self.records.get(*at)).flat_map(|crown| crown.inputs.iter().flatten());
        let most = self.leaf_times.len() + links.filter(|input| !input.selector.is_empty()).count();
        let mut times: Vec<(RecordIndex, Timestamp)> = Vec::with_capacity(most);
        times.extend(self.leaf_times.iter().filter_map(|(record, time)| Some((moved(*record)?, *time))));
        let mut position = 0;
        self.records.retain_mut(|record| {
            let keep = kept.get(position) == Some(&true);
            position += 1;
            if keep {
                let inputs = record.inputs.iter_mut().flat_map(Alternatives::as_mut_slice);
                inputs.for_each(|input| input.link = moved(input.link).unwrap_or(input.link));
            } else {
                let links = record.inputs.iter().flatten();
                times.extend(links.filter_map(|input| Some((moved(input.link)?, time(&input.selector)?))));
            }
            keep
        });
        self.leaf_times = latest(times);
        self
    }

    /// Returns, by position, whether the record is not a crown: it does not look like one, or a record that is not a
    /// crown links to it.
    pub(super) fn not_crowns(&self) -> Vec<bool> {
        let mut kept: Vec<bool> = self.records.iter().map(|record| !may_be_crown(record)).collect();
        let mut found = Vec::new();
        let visit = |record: &Record, kept: &mut [bool], found: &mut Vec<usize>| {
            for RecordIndex(link) in record.inputs.iter().flatten().map(|input| input.link) {
                if let Some(kept @ false) = kept.get_mut(link) {
                    *kept = true;
                    found.push(link);
                }
            }
        };
        for record in self.records.iter().filter(|record| !may_be_crown(record)) {
            visit(record, &mut kept, &mut found);
        }
        while let Some(record) = found.pop().and_then(|at| self.records.get(at)) {
            visit(record, &mut kept, &mut found);
        }
        kept
    }
}

/// Returns whether the record is a crown unless something links to it.
fn may_be_crown(record: &Record) -> bool {
    &*record.digest == CROWN_DIGEST && record.results.is_empty() && record.chains.is_empty()
}

/// Returns the time in the selector of a crown's link. Any other selector holds no time.
fn time(selector: &str) -> Option<Timestamp> {
    selector.parse().ok().filter(|_| selector.len() == TIME_BYTES && selector.ends_with('Z'))
}

/// Sorts times by record, and keeps the latest of each.
pub(super) fn latest(mut times: Vec<(RecordIndex, Timestamp)>) -> Box<[(RecordIndex, Timestamp)]> {
    sort::sort_by_key(&mut times, |(record, time)| (*record, Reverse(time.instant())));
    times.dedup_by_key(|(record, _)| *record);
    times.into()
}
