//! The largest blobs of many, in little memory.

use std::cmp::Reverse;
use std::time::Duration;

use crate::base::{Digest, sort};

/// How many blobs are kept.
const MOST: usize = 24;

/// A large blob in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LargeBlob {
    /// The digest.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    /// The time since the blob was uploaded or touched, by the store's clock.
    pub age: Option<Duration>,
}

/// The largest blobs seen so far, and perhaps some more.
#[derive(Default)]
pub(super) struct Largest(Vec<LargeBlob>);

impl Largest {
    pub(super) fn add(&mut self, digest: Digest, size: u64, age: Option<Duration>) {
        self.0.push(LargeBlob { digest, size, age });
        if self.0.len() >= 2 * MOST {
            self.cut();
        }
    }

    /// Returns the largest blobs, largest first.
    pub(super) fn finish(mut self) -> Vec<LargeBlob> {
        self.cut();
        self.0
    }

    fn cut(&mut self) {
        sort::sort_by_key(&mut self.0, |blob| (Reverse(blob.size), blob.digest));
        self.0.truncate(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_largest_are_kept() {
        let mut largest = Largest::default();
        for size in (0..1000_u64).map(|number| number * 7919 % 1000) {
            largest.add(Digest::of(&size.to_be_bytes()), size, None);
        }
        let sizes: Vec<u64> = largest.finish().iter().map(|blob| blob.size).collect();
        assert_eq!(sizes, (1000 - MOST as u64..1000).rev().collect::<Vec<_>>());
    }
}
