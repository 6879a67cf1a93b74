//! Splits a blob into parts, for multipart uploads, server-side copies and ranged downloads.

use std::ops::Range;

const MIB: u64 = 1024 * 1024;
/// The largest part number that S3 accepts.
const MAX_PARTS: u64 = 10_000;

/// A blob split into parts of equal size. Only the last part may be smaller, because some stores reject anything else;
/// for downloads, so may the first ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    size: u64,
    part_size: u64,
    /// How many of the first parts are smaller. Each is larger than the previous one by the same step.
    rising: u64,
}

impl Parts {
    /// Returns parts of `part_size` bytes. An empty blob is one empty part.
    pub(crate) fn of(size: u64, part_size: u64) -> Self {
        Self { size, part_size: part_size.max(1), rising: 0 }
    }

    /// Returns parts for a multipart upload: `least` bytes each, or more (in whole MiB) if there would be too many.
    pub(crate) fn upload(size: u64, least: u64) -> Self {
        let needed = size.div_ceil(MAX_PARTS);
        let part_size = if needed <= least { least } else { needed.div_ceil(MIB).saturating_mul(MIB) };
        Self::of(size, part_size)
    }

    /// Returns parts of at most `most` bytes for a download over `connections` connections. For one connection, they
    /// are as few as possible and nearly equal. For several, the first parts increase in size: equal ranges that begin
    /// together would also end together, which leaves the line idle while the digest catches up, and the digest with
    /// most of its work after the last byte.
    pub(crate) fn download(size: u64, most: u64, connections: usize) -> Self {
        let most = most.max(1);
        if connections > 1 {
            return Self { size, part_size: most, rising: (connections as u64 - 1).min(most - 1) };
        }
        let count = size.div_ceil(most).max(1);
        Self::of(size, size.div_ceil(count))
    }

    /// Returns the number of parts: at least one.
    pub(crate) fn count(&self) -> usize {
        let risen = self.start(self.rising);
        let count = match self.size.checked_sub(risen) {
            Some(rest) => self.rising + rest.div_ceil(self.part_size),
            None => (1..self.rising).find(|&count| self.start(count) >= self.size).unwrap_or(self.rising),
        };
        usize::try_from(count.max(1)).unwrap_or(usize::MAX)
    }

    /// Returns the byte range of the part at `index`, counted from zero; empty past the last part.
    pub(crate) fn range(&self, index: usize) -> Range<u64> {
        let index = index as u64;
        self.start(index).min(self.size)..self.start(index.saturating_add(1)).min(self.size)
    }

    /// Returns where the part would begin in a blob of unlimited size.
    fn start(&self, index: u64) -> u64 {
        let (rising, full) = (index.min(self.rising), index.saturating_sub(self.rising));
        let step = self.part_size / (self.rising + 1);
        let risen = (step * rising).saturating_mul(rising + 1) / 2;
        risen.saturating_add(self.part_size.saturating_mul(full))
    }

    /// Returns all parts in order, numbered from one as in S3.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u32, Range<u64>)> + use<> {
        let parts = *self;
        (1_u32..).zip((0..parts.count()).map(move |index| parts.range(index)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIB: u64 = 1024 * MIB;
    const TIB: u64 = 1024 * GIB;

    #[test]
    fn upload_parts_are_16_mib_unless_there_would_be_too_many() {
        for (size, part_size, count) in [
            (64 * MIB + 1, 16 * MIB, 5),
            (80 * MIB, 16 * MIB, 5),
            (80 * MIB + 1, 16 * MIB, 6),
            (160_000 * MIB, 16 * MIB, 10_000),
            (160_000 * MIB + 1, 17 * MIB, 9412),
            (TIB, 105 * MIB, 9987),
            (5 * TIB, 525 * MIB, 9987),
            (50 * TIB, 5243 * MIB, 10_000),
        ] {
            let parts = Parts::upload(size, 16 * MIB);
            assert_eq!((parts.range(0).end, parts.count()), (part_size, count), "{size}");
        }
    }

    #[test]
    fn one_connection_gets_few_and_nearly_equal_ranges() {
        for (size, count, first) in [(17, 2, 9), (16, 1, 16), (32, 2, 16), (33, 3, 11), (0, 1, 0)] {
            let parts = Parts::download(size, 16, 1);
            assert_eq!((parts.count(), parts.range(0)), (count, 0..first), "{size}");
        }
    }

    #[test]
    fn several_connections_get_growing_ranges() {
        for (size, connections, sizes) in [
            (100, 4, &[4, 8, 12, 16, 16, 16, 16, 12][..]),
            (24, 4, &[4, 8, 12]),
            (25, 4, &[4, 8, 12, 1]),
            (13, 4, &[4, 8, 1]),
            (3, 4, &[3]),
            (0, 4, &[0]),
            (40, 2, &[8, 16, 16]),
            (5, 64, &[1, 2, 2]),
        ] {
            let parts = Parts::download(size, 16, connections);
            let have: Vec<u64> = parts.numbered().map(|(_, range)| range.end - range.start).collect();
            assert_eq!(have, sizes, "{size} over {connections}");
        }
        let most = Parts::download(u64::MAX, u64::MAX, 64);
        assert_eq!(most.range(most.count() - 1).end, u64::MAX);
    }

    /// Fails if the last range is clamped one byte past the end of the object.
    #[test]
    fn buildkit_5266_the_last_part_ends_at_the_end_of_the_object() {
        for size in [5 * GIB - 1, 5 * GIB, 5 * GIB + 1, 10 * GIB - 1, 10 * GIB, 10 * GIB + 1] {
            let parts = Parts::of(size, 5 * GIB);
            assert_eq!(parts.range(parts.count() - 1).end, size);
            assert_eq!(parts.count() as u64, size.div_ceil(5 * GIB));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn parts_cover_every_byte_once_and_only_the_last_is_smaller(
            size in 0..50 * TIB,
            least in prop_oneof![Just(16 * MIB), Just(5 * MIB), 1_000_000_u64..100_000_000],
            connections in 1_usize..65,
        ) {
            let most = least.max(size / 5000);
            let download = |connections| Parts::download(size, most, connections);
            for parts in [Parts::upload(size, least), download(1), download(connections)] {
                prop_assert!(parts.count() as u64 <= MAX_PARTS);
                let mut end = 0;
                for (number, range) in parts.numbered() {
                    prop_assert_eq!(range.start, end);
                    prop_assert!(range.end > range.start || size == 0);
                    let last = number as usize == parts.count();
                    let rising = u64::from(number) <= parts.rising;
                    prop_assert!(last || rising || range.end - range.start == parts.part_size);
                    prop_assert!(range.end - range.start <= parts.part_size);
                    end = range.end;
                }
                prop_assert_eq!(end, size);
                prop_assert!(parts.range(parts.count()).is_empty());
            }
        }
    }
}
