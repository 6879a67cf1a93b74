//! How a blob is cut into parts: for multipart uploads, for server-side copies, for downloads in ranges.

use std::ops::Range;

const MIB: u64 = 1024 * 1024;
/// S3 takes part numbers up to this.
const MAX_PARTS: u64 = 10_000;

/// A blob cut into parts of one size; only the last may be smaller. Some stores refuse anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    size: u64,
    part_size: u64,
}

impl Parts {
    /// Parts of `part_size` bytes. An empty blob is one empty part.
    pub(crate) fn of(size: u64, part_size: u64) -> Self {
        Self { size, part_size: part_size.max(1) }
    }

    /// Parts for a multipart upload: of `least` bytes, or of more (in whole MiB) where there would be too many.
    pub(crate) fn upload(size: u64, least: u64) -> Self {
        let needed = size.div_ceil(MAX_PARTS);
        let part_size = if needed <= least { least } else { needed.div_ceil(MIB).saturating_mul(MIB) };
        Self::of(size, part_size)
    }

    /// As few parts as there can be of at most `most` bytes, and those nearly equal.
    pub(crate) fn balanced(size: u64, most: u64) -> Self {
        let count = size.div_ceil(most.max(1)).max(1);
        Self::of(size, size.div_ceil(count))
    }

    /// How many parts there are: at least one.
    pub(crate) fn count(&self) -> usize {
        usize::try_from(self.size.div_ceil(self.part_size).max(1)).unwrap_or(usize::MAX)
    }

    /// The bytes of the part at `index`, counted from zero; none past the last.
    pub(crate) fn range(&self, index: usize) -> Range<u64> {
        let start = self.part_size.saturating_mul(index as u64).min(self.size);
        start..start.saturating_add(self.part_size).min(self.size)
    }

    /// All parts in order, numbered from one as S3 does.
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
    fn upload_parts_are_16_mib_until_there_would_be_too_many() {
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
    fn few_parts_are_nearly_equal() {
        for (size, count, first) in [(17, 2, 9), (16, 1, 16), (32, 2, 16), (33, 3, 11), (0, 1, 0)] {
            let parts = Parts::balanced(size, 16);
            assert_eq!((parts.count(), parts.range(0)), (count, 0..first), "{size}");
        }
    }

    /// A last range that ends one byte past the object is what fails an off-by-one clamp.
    #[test]
    fn buildkit_5266_the_last_part_ends_where_the_object_does() {
        for size in [5 * GIB - 1, 5 * GIB, 5 * GIB + 1, 10 * GIB - 1, 10 * GIB, 10 * GIB + 1] {
            let parts = Parts::of(size, 5 * GIB);
            assert_eq!(parts.range(parts.count() - 1).end, size);
            assert_eq!(parts.count() as u64, size.div_ceil(5 * GIB));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn parts_cover_everything_once_and_only_the_last_is_smaller(
            size in 0..50 * TIB,
            least in prop_oneof![Just(16 * MIB), Just(5 * MIB), 1_000_000_u64..100_000_000],
        ) {
            for parts in [Parts::upload(size, least), Parts::balanced(size, least.max(size / 5000))] {
                prop_assert!(parts.count() as u64 <= MAX_PARTS);
                let mut end = 0;
                for (number, range) in parts.numbered() {
                    prop_assert_eq!(range.start, end);
                    prop_assert!(range.end > range.start || size == 0);
                    let last = number as usize == parts.count();
                    prop_assert!(last || range.end - range.start == parts.range(0).end);
                    end = range.end;
                }
                prop_assert_eq!(end, size);
                prop_assert!(parts.range(parts.count()).is_empty());
            }
        }
    }
}
