//! Which manifests may be dropped.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use crate::base::sort;
use crate::ops::prune::options::PruneOptions;

/// A manifest, for the rules.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aged<'a> {
    pub(super) name: &'a str,
    /// The time since it was last written.
    pub(super) age: Option<Duration>,
    /// Whether it may be dropped at all.
    pub(super) is_named: bool,
}

/// Returns the positions of the manifests that `older_than` selects and no rule keeps, oldest first. Those without an age
/// are kept.
pub(super) fn candidates(manifests: &[Aged<'_>], options: &PruneOptions) -> Vec<usize> {
    if !options.drops() {
        return Vec::new();
    }
    let mut named: Vec<(Duration, usize)> = manifests
        .iter()
        .enumerate()
        .filter(|(_, manifest)| manifest.is_named)
        .filter_map(|(at, manifest)| Some((manifest.age?, at)))
        .collect();
    let unknown = manifests.iter().filter(|manifest| manifest.is_named && manifest.age.is_none()).count();
    sort::sort_by_key(&mut named, |(age, at)| (Reverse(*age), *at));
    named.truncate(named.len().saturating_sub(options.keep_last.saturating_sub(unknown)));
    named.retain(|(age, at)| {
        let kept = options.keep.as_ref().zip(manifests.get(*at)).is_some_and(|(keep, one)| keep.contains(one.name));
        !kept && options.older_than.is_none_or(|least| *age > least)
    });
    named.into_iter().map(|(_, at)| at).collect()
}

/// Which blobs manifests reference, by their positions, as far as the rules need it.
#[derive(Debug, Default)]
pub(super) struct References {
    /// How many manifests reference each blob.
    counts: Vec<u32>,
    /// The blobs of each candidate.
    of_candidates: HashMap<usize, Vec<u32>>,
}

impl References {
    pub(super) fn new(blobs: usize) -> Self {
        Self { counts: vec![0; blobs], of_candidates: HashMap::new() }
    }

    /// Adds the blobs of a manifest; `candidate` is its position if it may be dropped.
    pub(super) fn add(&mut self, candidate: Option<usize>, blobs: Vec<u32>) {
        for blob in &blobs {
            if let Some(count) = self.count_mut(*blob) {
                *count = count.saturating_add(1);
            }
        }
        if let Some(at) = candidate {
            self.of_candidates.insert(at, blobs);
        }
    }

    fn count_mut(&mut self, blob: u32) -> Option<&mut u32> {
        self.counts.get_mut(usize::try_from(blob).ok()?)
    }

    pub(super) fn is_referenced(&self, blob: usize) -> bool {
        self.counts.get(blob).is_some_and(|count| *count > 0)
    }

    /// Returns which of these candidates to drop, in their order, and no longer counts what they reference. Stops as soon
    /// as the referenced bytes are within the limit. `size` returns that of a blob.
    pub(super) fn drop_candidates(
        &mut self,
        candidates: Vec<usize>,
        max_size: Option<u64>,
        size: impl Fn(usize) -> u64,
    ) -> Vec<usize> {
        let referenced = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let mut bytes: u64 = referenced.map(|(blob, _)| size(blob)).fold(0, u64::saturating_add);
        let mut dropped = Vec::new();
        for at in candidates {
            if max_size.is_some_and(|most| bytes <= most) {
                break;
            }
            // A manifest that could not be read, or is gone, has no entry.
            let Some(blobs) = self.of_candidates.remove(&at) else { continue };
            for blob in blobs {
                let Some(count) = self.count_mut(blob) else { continue };
                *count = count.saturating_sub(1);
                if *count == 0 {
                    bytes = bytes.saturating_sub(usize::try_from(blob).map_or(0, &size));
                }
            }
            dropped.push(at);
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Names;

    const HOUR: Duration = Duration::from_secs(3600);

    fn manifests(ages: &[(&'static str, Option<u32>)]) -> Vec<Aged<'static>> {
        ages.iter()
            .map(|(name, hours)| Aged { name, age: hours.map(|hours| HOUR * hours), is_named: *name != "other" })
            .collect()
    }

    #[test]
    fn a_manifest_is_dropped_if_a_rule_selects_it_and_none_keeps_it() {
        let all = manifests(&[
            ("a", Some(5)),
            ("main", Some(9)),
            ("b", Some(7)),
            ("c", Some(1)),
            ("d", None),
            ("other", Some(99)),
        ]);
        let options = PruneOptions::new;
        for (options, expected) in [
            (options(), &[][..]),
            (options().older_than(HOUR * 4), &[1, 2, 0]),
            (options().older_than(HOUR * 5), &[1, 2]),
            (options().older_than(Duration::ZERO).keep_last(1), &[1, 2, 0, 3]),
            (options().older_than(Duration::ZERO).keep_last(3), &[1, 2]),
            (options().older_than(Duration::ZERO).keep_last(99), &[]),
            (options().max_size(1).keep(Names::matching(["ma*"])), &[2, 0, 3]),
            (options().older_than(HOUR * 6).max_size(1), &[1, 2]),
        ] {
            assert_eq!(candidates(&all, &options), expected, "{options:?}");
        }
    }

    #[test]
    fn the_oldest_are_dropped_until_the_rest_fits() {
        let references = || {
            let mut references = References::new(4);
            references.add(Some(0), vec![0, 1]);
            references.add(Some(1), vec![1, 2]);
            references.add(None, vec![2, 3]);
            references
        };
        for (most, expected) in
            [(Some(400), &[][..]), (Some(300), &[0]), (Some(250), &[0, 1]), (Some(0), &[0, 1]), (None, &[0, 1])]
        {
            let mut references = references();
            assert_eq!(references.drop_candidates(vec![0, 1, 7], most, |_| 100), expected, "{most:?}");
            let left: Vec<usize> = (0..4).filter(|blob| references.is_referenced(*blob)).collect();
            assert_eq!(left.len(), 4 - expected.len());
        }
    }
}
