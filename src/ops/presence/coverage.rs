//! Decides how to find out which blobs a bucket has: with more pages of a listing, or one by one.
//!
//! Blob keys are uniform in their hex digits, so the keys on one page tell how many pages the rest takes. Only pages in
//! bytewise order count, because only they tell that a key in between is absent.

use crate::object::ListPage;

/// A page costs as much as this many single look-ups, by the price list of AWS.
const PAGE_COST: f64 = 12.5;
/// A page takes as long as this many single look-ups, roughly.
const PAGE_TIME: f64 = 2.0;
/// The share of a page to count on, because keys are not exactly uniform.
const SAFE_SHARE: f64 = 0.8;
/// Each round covers most of what is left. A store that returns pages without keys would never end.
const MAX_ROUNDS: usize = 4;

/// The keys that listings have covered so far.
#[derive(Debug)]
pub(super) struct Coverage {
    /// As many single look-ups are worth a page.
    page_cost: f64,
    /// The ends of each covered range of keys: the first key is excluded, the last included.
    ranges: Vec<(Option<String>, Option<String>)>,
    /// The number of keys per position on the pages that were added last.
    density: f64,
    /// The number of keys on a full page.
    page_keys: f64,
    /// How often more pages were requested.
    rounds: usize,
    /// A page was requested only to learn the density where the blobs are.
    probed: bool,
    /// The store does not list keys in order, or ignores where to start.
    unordered: bool,
}

/// How to look up the remaining blobs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LookUp {
    /// Request these pages of the listing: each begins after the given key.
    Pages(Vec<String>),
    /// Look up each blob by itself.
    OneByOne,
}

/// What a page of a listing tells about all keys.
#[derive(Debug)]
pub(super) struct Page {
    /// The key it was requested to begin after.
    start: Option<String>,
    /// The last key, unless no more follow.
    last: Option<String>,
    keys: usize,
    ordered: bool,
    incomplete: bool,
}

impl Page {
    /// Returns what a page that was requested to begin after `start` tells. Unless the store lists in order, only a
    /// complete listing tells something.
    pub(super) fn of(start: Option<String>, page: &ListPage, lists_in_order: bool) -> Self {
        let mut before = start.as_deref();
        let mut ordered = page.objects.iter().all(|object| {
            let after = before.is_none_or(|before| before < object.key.as_str());
            before = Some(&object.key);
            after
        });
        if !lists_in_order {
            ordered = start.is_none() && page.continuation.is_none();
        }
        let last = page.continuation.is_some().then(|| before.unwrap_or_default().to_owned());
        Self { last, keys: page.objects.len(), ordered, incomplete: page.incomplete, start }
    }
}

impl Default for Coverage {
    /// Returns the coverage of a search that is to cost little.
    fn default() -> Self {
        let (ranges, density, page_keys) = (Vec::new(), 0.0, 0.0);
        Self { page_cost: PAGE_COST, ranges, density, page_keys, rounds: 0, probed: false, unordered: false }
    }
}

impl Coverage {
    /// Returns the coverage of a search that a client waits for.
    pub(super) fn hurried() -> Self {
        Self { page_cost: PAGE_TIME, ..Self::default() }
    }

    /// Adds pages that were requested together.
    pub(super) fn add(&mut self, pages: Vec<Page>) {
        let (mut keys, mut span) = (0.0, 0.0);
        for page in pages {
            self.unordered |= !page.ordered;
            if page.ordered && !page.incomplete {
                keys += count(page.keys);
                if page.last.is_some() {
                    self.page_keys = self.page_keys.max(count(page.keys));
                }
                span += page.last.as_deref().map_or(1.0, position) - page.start.as_deref().map_or(0.0, position);
                self.ranges.push((page.start, page.last));
            }
        }
        self.density = keys / span.max(f64::MIN_POSITIVE);
    }

    /// Returns whether a page shows that the key is present or absent.
    pub(super) fn covers(&self, key: &str) -> bool {
        self.ranges.iter().any(|(start, last)| {
            start.as_deref().is_none_or(|start| start < key) && last.as_deref().is_none_or(|last| key <= last)
        })
    }

    /// Returns how to look up the blobs under these keys, which are sorted and not covered: with as few round trips as
    /// possible, at no more cost than one by one.
    pub(super) fn next(&mut self, unknown: &[String]) -> LookUp {
        let Some(first) = unknown.first() else { return LookUp::OneByOne };
        let affordable = count(unknown.len()) / self.page_cost;
        if self.unordered || self.ranges.is_empty() || affordable < 2.0 {
            return LookUp::OneByOne;
        }
        let (mut pages, mut end) = (Vec::new(), f64::MIN);
        for key in unknown {
            if position(key) >= end {
                pages.push(before(key));
                end = position(key) + SAFE_SHARE * self.page_keys / self.density;
            }
        }
        self.rounds += 1;
        if count(pages.len()) <= affordable && self.rounds <= MAX_ROUNDS {
            return LookUp::Pages(pages);
        }
        // The keys before the blobs may not be blobs, so they reveal nothing about the density where the blobs are.
        if affordable >= 4.0 && !std::mem::replace(&mut self.probed, true) {
            return LookUp::Pages(vec![before(first)]);
        }
        LookUp::OneByOne
    }
}

/// Returns where a blob key is among all possible ones, from 0 to 1.
fn position(key: &str) -> f64 {
    let hex = key.rsplit_once(':').map_or("", |(_, hex)| hex);
    let mut scale = 1.0;
    let digits = hex.chars().take(13).map_while(|digit| digit.to_digit(16));
    digits.fold(0.0, |position, digit| {
        scale /= 16.0;
        position + f64::from(digit) * scale
    })
}

/// Returns a key right before this one.
fn before(key: &str) -> String {
    let mut key = key.to_owned();
    key.pop();
    key
}

#[expect(clippy::cast_precision_loss, reason = "numbers of keys are small")]
fn count(keys: usize) -> f64 {
    keys as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;
    use crate::object::{ListedObject, ObjectMeta};

    const PREFIX: &str = "p/blobs/";

    fn keys(numbers: std::ops::Range<u32>) -> Vec<String> {
        let mut keys: Vec<String> =
            numbers.map(|number| format!("{PREFIX}{}", Digest::of(&number.to_be_bytes()))).collect();
        keys.sort();
        keys
    }

    /// Lists the keys as a store does.
    fn list(stored: &[String], start: Option<&str>) -> ListPage {
        let after = stored.iter().filter(|key| start.is_none_or(|start| key.as_str() > start));
        let objects: Vec<ListedObject> =
            after.take(1000).map(|key| ListedObject::new(key, ObjectMeta::new(1))).collect();
        let last = objects.last().map(|object| object.key.clone()).filter(|last| Some(last) != stored.last());
        ListPage::new(objects, last)
    }

    /// Returns the number of rounds, pages and single look-ups that `wanted` takes.
    fn cost(stored: &[String], wanted: &[String]) -> (usize, usize, usize) {
        cost_of(Coverage::default(), stored, wanted)
    }

    fn cost_of(mut coverage: Coverage, stored: &[String], wanted: &[String]) -> (usize, usize, usize) {
        let mut starts: Vec<Option<String>> = vec![None];
        let (mut rounds, mut pages) = (0, 0);
        loop {
            let listed: Vec<Page> =
                starts.drain(..).map(|start| Page::of(start.clone(), &list(stored, start.as_deref()), true)).collect();
            (rounds, pages) = (rounds + 1, pages + listed.len());
            coverage.add(listed);
            let unknown: Vec<String> = wanted.iter().filter(|key| !coverage.covers(key)).cloned().collect();
            match coverage.next(&unknown) {
                LookUp::Pages(next) => starts = next.into_iter().map(Some).collect(),
                LookUp::OneByOne => return (rounds, pages, unknown.len()),
            }
        }
    }

    #[test]
    fn the_density_decides_between_pages_and_single_look_ups() {
        // One page shows everything.
        assert_eq!(cost(&keys(0..900), &keys(0..900)), (1, 1, 0));
        // Two pages cost less than 600 look-ups, and the rest is not worth a page.
        let (rounds, pages, single) = cost(&keys(0..1500), &keys(0..600));
        assert!(rounds <= 3 && pages <= 4 && single < 25, "{rounds} {pages} {single}");
        // A few blobs among very many are looked up one by one.
        let (rounds, pages, single) = cost(&keys(0..100_000), &keys(0..200));
        assert!(rounds == 2 && pages == 2 && single > 190, "{rounds} {pages} {single}");
        // Many blobs among very many are listed in parallel.
        let (rounds, pages, single) = cost(&keys(0..40_000), &keys(0..5000));
        assert!(rounds <= 4 && pages < 90 && single < 25, "{rounds} {pages} {single}");
    }

    /// 200 look-ups would be 13 round trips over 16 connections.
    #[test]
    fn a_search_that_a_client_waits_for_prefers_pages() {
        let (rounds, pages, single) = cost_of(Coverage::hurried(), &keys(0..20_000), &keys(0..200));
        assert!(rounds <= 3 && pages < 40 && single < 16, "{rounds} {pages} {single}");
        // Among very many, look-ups are faster.
        let (rounds, _, single) = cost_of(Coverage::hurried(), &keys(0..300_000), &keys(0..200));
        assert!(rounds <= 2 && single > 190, "{rounds} {single}");
    }

    #[test]
    fn keys_that_are_no_blobs_are_skipped_with_one_page() {
        let mut stored: Vec<String> = (0..1500).map(|number| format!("{PREFIX}sha256:{number:064x}")).collect();
        let wanted = keys(0..200);
        stored.extend(wanted.clone());
        stored.sort();
        assert_eq!(cost(&stored, &wanted), (2, 2, 0));
    }

    #[test]
    fn a_store_that_returns_empty_pages_is_not_asked_for_ever() {
        let (unknown, mut coverage) = (keys(0..1000), Coverage::default());
        coverage.add(vec![Page::of(None, &list(&unknown, None), true)]);
        let empty = |start: String| Page::of(Some(start), &ListPage::new(Vec::new(), Some("more".to_owned())), true);
        let mut rounds = 0;
        while let LookUp::Pages(starts) = coverage.next(&unknown) {
            rounds += 1;
            coverage.add(starts.into_iter().map(empty).collect());
        }
        assert!(rounds <= MAX_ROUNDS);
    }

    #[test]
    fn a_store_that_lists_in_no_order_is_not_asked_again() {
        let stored = keys(0..3000);
        let mut page = list(&stored, None);
        page.objects.swap(3, 4);
        let mut coverage = Coverage::default();
        coverage.add(vec![Page::of(None, &page, true)]);
        assert!(!coverage.covers(&stored[0]));
        assert_eq!(coverage.next(&stored), LookUp::OneByOne);
        // It ignores where to start.
        let mut coverage = Coverage::default();
        coverage.add(vec![Page::of(Some(stored[2000].clone()), &list(&stored, None), true)]);
        assert_eq!(coverage.next(&stored), LookUp::OneByOne);
    }
}
