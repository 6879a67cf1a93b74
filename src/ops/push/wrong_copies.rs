//! Copies of blobs that had wrong bytes when they were read.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::base::{Digest, Unpoisoned as _};

/// How often a copy must have wrong bytes until it counts as corrupt: once, the network may have been at fault.
const CORRUPT_AFTER: u32 = 2;
/// How many copies are remembered.
const MOST: usize = 10_000;

/// Where a copy is: the position of the mount, and that of the cache in it.
pub(super) type Place = (usize, usize);

type Counts = HashMap<(Digest, Place), u32>;

/// How often copies of blobs had wrong bytes, in all caches of a server. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct WrongCopies(Arc<Mutex<Counts>>);

impl WrongCopies {
    /// Counts that a copy had wrong bytes.
    pub(crate) fn blame(&self, digest: Digest, place: Place) {
        let mut counts = self.lock();
        if counts.len() < MOST {
            *counts.entry((digest, place)).or_default() += 1;
        }
    }

    /// Returns whether a copy is corrupt.
    pub(crate) fn is_corrupt(&self, digest: &Digest, place: Place) -> bool {
        self.lock().get(&(*digest, place)).is_some_and(|count| *count >= CORRUPT_AFTER)
    }

    /// Returns the corrupt copies in a mount, each with the position of its cache.
    pub(crate) fn in_mount(&self, mount: usize) -> HashSet<(Digest, usize)> {
        let counts = self.lock();
        let corrupt = counts.iter().filter(|((_, place), count)| place.0 == mount && **count >= CORRUPT_AFTER);
        corrupt.map(|((digest, place), _)| (*digest, place.1)).collect()
    }

    /// Returns whether any copy of the blob is corrupt. Mounts may share a store, so that copy may be the one that a
    /// client is about to skip.
    pub(super) fn has_corrupt(&self, digest: &Digest) -> bool {
        self.lock().iter().any(|((known, _), count)| known == digest && *count >= CORRUPT_AFTER)
    }

    /// Forgets the copies of a blob, because it was written again.
    pub(super) fn forget(&self, digest: &Digest) {
        self.lock().retain(|(known, _), _| known != digest);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unpoisoned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_corrupt_when_it_was_wrong_twice_and_until_it_is_written_again() {
        let (wrong, digest, other) = (WrongCopies::default(), Digest::of(b"a"), Digest::of(b"b"));
        for corrupt in [false, true, true] {
            wrong.blame(digest, (1, 2));
            assert_eq!((wrong.is_corrupt(&digest, (1, 2)), wrong.has_corrupt(&digest)), (corrupt, corrupt));
        }
        assert!(!wrong.is_corrupt(&digest, (2, 1)) && !wrong.has_corrupt(&other));
        assert_eq!((wrong.in_mount(1), wrong.in_mount(2).len()), ([(digest, 2)].into(), 0));
        wrong.forget(&digest);
        assert!(!wrong.is_corrupt(&digest, (1, 2)) && wrong.in_mount(1).is_empty());
    }
}
