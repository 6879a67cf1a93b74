//! The object that records which blobs no manifest references, and since when.
//!
//! The first line identifies the format. Then each time has a line with the time, in seconds since 1970 by the store's
//! clock, and the number of its blobs, followed by their digests of 32 bytes each. A million blobs take 32 MB.

use std::collections::BTreeMap;

use crate::base::Digest;

/// The name of the object.
pub(super) const MARK: &str = "unreferenced";
const FIRST_LINE: &[u8] = b"s3-build-cache unreferenced 1\n";
/// The longest line with a time and a number.
const MAX_LINE_BYTES: usize = 64;
/// The largest number of blobs in one record. What does not fit is recorded by a later run.
pub(super) const MOST_BLOBS: usize = 4_000_000;
/// The largest record.
pub(super) const MAX_MARK_BYTES: u64 = 160_000_000;

/// The blobs that no manifest referenced, by the time when that was first seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) since: BTreeMap<i64, Vec<Digest>>,
}

impl Mark {
    /// Reads a record. Returns `None` if it is not one.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(FIRST_LINE)?;
        let mut since: BTreeMap<i64, Vec<Digest>> = BTreeMap::new();
        while !rest.is_empty() {
            let end = rest.iter().take(MAX_LINE_BYTES).position(|byte| *byte == b'\n')?;
            let (line, after) = rest.split_at_checked(end)?;
            let (time, count) = std::str::from_utf8(line).ok()?.split_once(' ')?;
            let length = count.parse::<usize>().ok()?.checked_mul(32)?;
            let (digests, after) = after.get(1..)?.split_at_checked(length)?;
            let (digests, _) = digests.as_chunks();
            since.entry(time.parse().ok()?).or_default().extend(digests.iter().copied().map(Digest::from_bytes));
            rest = after;
        }
        Some(Self { since })
    }

    /// Returns the record as it is stored.
    pub(super) fn print(&self) -> Vec<u8> {
        let blobs: usize = self.since.values().map(Vec::len).sum();
        let mut bytes = Vec::with_capacity(FIRST_LINE.len() + blobs * 32 + self.since.len() * MAX_LINE_BYTES);
        bytes.extend_from_slice(FIRST_LINE);
        for (time, digests) in &self.since {
            bytes.extend_from_slice(format!("{time} {}\n", digests.len()).as_bytes());
            digests.iter().for_each(|digest| bytes.extend_from_slice(digest.as_bytes()));
        }
        bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.since.values().all(Vec::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_a_round_trip_in_32_bytes_a_blob() {
        let digests = |numbers: std::ops::Range<u32>| numbers.map(|n| Digest::of(&n.to_be_bytes())).collect::<Vec<_>>();
        let mark = Mark { since: [(-5, digests(0..3)), (1_800_000_000, digests(3..1000))].into() };
        let bytes = mark.print();
        assert!(bytes.len() < 1000 * 32 + 100);
        assert_eq!(Mark::parse(&bytes), Some(mark));
        assert_eq!(Mark::parse(&Mark::default().print()), Some(Mark::default()));
    }

    #[test]
    fn anything_else_is_no_record() {
        let good = Mark { since: [(7, vec![Digest::of(b"")])].into() }.print();
        for bytes in [
            &b""[..],
            b"{}",
            good.get(..good.len() - 1).unwrap(),
            b"s3-build-cache unreferenced 2\n",
            b"s3-build-cache unreferenced 1\n7",
            b"s3-build-cache unreferenced 1\n7 18446744073709551615\n",
            b"s3-build-cache unreferenced 1\n7 -1\n",
            b"s3-build-cache unreferenced 1\nx 0\n",
        ] {
            assert_eq!(Mark::parse(bytes), None, "{bytes:?}");
        }
    }
}
