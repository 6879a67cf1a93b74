//! Splits a read into ranges.

use std::ops::Range;

use crate::base::Parts;

/// The ranges of a read, in order.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    start: u64,
    end: u64,
    parts: Parts,
    /// From this one on, all ranges are one.
    merged: Option<usize>,
    /// The object is requested without a range, and the bytes before the range are skipped.
    unranged: bool,
    small: bool,
}

impl Plan {
    /// Splits `range` of an object of `size` bytes into ranges of at most `most` bytes.
    pub(super) fn new(range: Range<u64>, size: u64, most: u64, connections: usize) -> Self {
        let length = range.end.saturating_sub(range.start);
        let small = length <= most;
        let parts = if small { Parts::of(length, length) } else { Parts::download(length, most, connections) };
        let whole = small && range == (0..size);
        Self { start: range.start, end: range.end, parts, merged: None, unranged: whole, small }
    }

    /// Returns one range for a store that does not support ranges.
    pub(super) fn whole(range: Range<u64>, most: u64) -> Self {
        let length = range.end.saturating_sub(range.start);
        let parts = Parts::of(length, length);
        Self { start: range.start, end: range.end, parts, merged: None, unranged: true, small: length <= most }
    }

    /// Returns the number of ranges: at least one.
    pub(super) fn count(&self) -> usize {
        self.merged.map_or_else(|| self.parts.count(), |merged| merged + 1)
    }

    /// Returns a range.
    pub(super) fn range(&self, index: usize) -> Range<u64> {
        let Range { start, end } = self.parts.range(index);
        let end = if self.merged == Some(index) { self.end } else { self.start + end };
        self.start + start..end
    }

    /// Merges all ranges from `index` on. Requests them without a range.
    pub(super) fn merge_from(&mut self, index: usize) {
        if index < self.count() {
            self.merged = Some(index);
        }
        self.unranged = true;
    }

    pub(super) fn is_unranged(&self) -> bool {
        self.unranged
    }

    /// Returns whether the whole read is not larger than one range.
    pub(super) fn is_small(&self) -> bool {
        self.small
    }
}
