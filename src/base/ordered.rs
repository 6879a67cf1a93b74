//! Hashes bytes that arrive in pieces, in any order and from several threads.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Digest, Hasher, Result, Unpoisoned as _};

/// The amount read back at once: large enough for few system calls.
const CHUNK_BYTES: usize = 128 * 1024;

/// Reads back bytes that have arrived: fills part of the buffer from the given offset, and returns how many bytes it
/// read.
pub(crate) type ReadBack<'a> = &'a mut dyn FnMut(u64, &mut [u8]) -> Result<usize>;

/// The ranges that have arrived: disjoint and sorted, with adjacent ranges merged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrived(Vec<Range<u64>>);

/// A SHA-256 over the contiguous start of the bytes that have arrived. Bytes that arrive in order are hashed directly;
/// others are read back when the gap before them closes.
#[derive(Debug, Default)]
pub(crate) struct OrderedHasher {
    arrived: Mutex<Arrived>,
    hasher: Mutex<Hasher>,
    /// The number of bytes hashed. Changes only while `hasher` is locked.
    position: AtomicU64,
}

impl Arrived {
    /// Adds a range.
    pub(crate) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.0.partition_point(|have| have.end < range.start);
        let last = self.0.partition_point(|have| have.start <= range.end);
        let met = self.0.get(first..last).unwrap_or_default();
        let start = met.first().map_or(range.start, |have| have.start.min(range.start));
        let end = met.last().map_or(range.end, |have| have.end.max(range.end));
        self.0.splice(first..last.max(first), std::iter::once(start..end));
    }

    /// Returns where the first gap begins.
    pub(crate) fn prefix(&self) -> u64 {
        self.0.first().filter(|first| first.start == 0).map_or(0, |first| first.end)
    }
}

impl OrderedHasher {
    /// Records that `bytes` have arrived at `offset`; from now on they can be read back there. Each byte may arrive
    /// only once.
    pub(crate) fn arrive(&self, offset: u64, bytes: &[u8]) {
        let end = offset.saturating_add(bytes.len() as u64);
        // If another thread is hashing, it will read these bytes back.
        if let Ok(mut hasher) = self.hasher.try_lock()
            && self.is_at(offset)
        {
            hasher.update(bytes);
            self.position.store(end, Ordering::Relaxed);
        }
        self.arrived.lock().unpoisoned().insert(offset..end);
    }

    /// Returns whether the bytes at `offset` are hashed next. Does not wait for a thread that is hashing.
    pub(crate) fn is_at(&self, offset: u64) -> bool {
        self.position.load(Ordering::Relaxed) == offset
    }

    /// Hashes the bytes that have arrived in the meantime, unless another thread is hashing.
    ///
    /// # Errors
    /// Those of `read_back`.
    pub(crate) fn catch_up(&self, read_back: ReadBack<'_>) -> Result<()> {
        loop {
            let Some(mut hasher) = self.hasher.try_lock().unpoisoned() else { return Ok(()) };
            let end = self.prefix();
            if end <= self.position.load(Ordering::Relaxed) {
                return Ok(());
            }
            self.hash_to(&mut hasher, end, read_back)?;
            // Check again: a thread that found the lock held has returned without hashing its bytes.
        }
    }

    /// Hashes the rest. Returns `None` if the bytes that have arrived are not exactly `size` contiguous bytes.
    ///
    /// # Errors
    /// Those of `read_back`.
    pub(crate) fn finish(&self, size: u64, read_back: ReadBack<'_>) -> Result<Option<Digest>> {
        if self.prefix() != size {
            return Ok(None);
        }
        let mut hasher = self.hasher.lock().unpoisoned();
        self.hash_to(&mut hasher, size, read_back)?;
        Ok(Some(hasher.clone().finish()))
    }

    fn prefix(&self) -> u64 {
        self.arrived.lock().unpoisoned().prefix()
    }

    fn hash_to(&self, hasher: &mut Hasher, end: u64, read_back: ReadBack<'_>) -> Result<()> {
        let (mut position, mut buffer) = (self.position.load(Ordering::Relaxed), Vec::new());
        while position < end {
            if buffer.is_empty() {
                buffer.resize(CHUNK_BYTES, 0);
            }
            let window = buffer.len().min(usize::try_from(end - position).unwrap_or(usize::MAX));
            let read = read_back(position, buffer.get_mut(..window).unwrap_or_default())?;
            hasher.update(buffer.get(..read).unwrap_or_default());
            position += read as u64;
            self.position.store(position, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn adjacent_ranges_are_merged() {
        let mut arrived = Arrived::default();
        for (range, ranges) in [
            (5..7, &[(5, 7)][..]),
            (9..9, &[(5, 7)]),
            (0..2, &[(0, 2), (5, 7)]),
            (7..9, &[(0, 2), (5, 9)]),
            (20..30, &[(0, 2), (5, 9), (20, 30)]),
            (1..6, &[(0, 9), (20, 30)]),
            (3..4, &[(0, 9), (20, 30)]),
            (9..20, &[(0, 30)]),
            (0..40, &[(0, 40)]),
        ] {
            arrived.insert(range.clone());
            let have: Vec<(u64, u64)> = arrived.0.iter().map(|range| (range.start, range.end)).collect();
            assert_eq!(have, ranges, "after {range:?}");
        }
        assert_eq!(arrived.prefix(), 40);
        let mut late = Arrived::default();
        late.insert(1..2);
        assert_eq!(late.prefix(), 0);
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            piece in 1_usize..50,
            order in any::<u64>(),
        ) {
            let hasher = OrderedHasher::default();
            let mut read_back = |offset: u64, buffer: &mut [u8]| {
                let from = &bytes[usize::try_from(offset).unwrap()..];
                let read = from.len().min(buffer.len()).min(7);
                buffer[..read].copy_from_slice(&from[..read]);
                Ok(read)
            };
            let mut pieces: Vec<(usize, &[u8])> = bytes.chunks(piece).enumerate().collect();
            pieces.sort_by_key(|(at, _)| (*at as u64 + 1).wrapping_mul(order));
            for (at, bytes) in pieces {
                hasher.arrive((at * piece) as u64, bytes);
                hasher.catch_up(&mut read_back).unwrap();
                prop_assert!(hasher.is_at(hasher.prefix()));
            }
            let size = bytes.len() as u64;
            prop_assert_eq!(hasher.finish(size + 1, &mut read_back).unwrap(), None);
            prop_assert_eq!(hasher.finish(size, &mut read_back).unwrap(), Some(Digest::of(&bytes)));
        }
    }
}
