//! The sizes that reads work with.

use crate::store::ahead::memory::Memory;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The sizes that reads work with, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadAheadSettings {
    /// The largest size of a range. Over many connections, ranges are smaller.
    pub(crate) range_size: u64,
    /// The memory for bytes that have arrived, shared by all readers. Each may use three chunks in any case.
    pub(crate) memory: usize,
    /// The unit of memory.
    pub(crate) chunk: usize,
    /// What a reader takes besides its chunks: the stacks of its threads, and buffers on the way to its client.
    pub(crate) reader: usize,
    /// How many bytes at the end are handed out only after the digest was checked.
    pub(crate) hold_back: usize,
    /// The maximum number of threads for each reader. There are never more than the store has connections.
    pub(crate) threads: usize,
}

impl ReadAheadSettings {
    /// Returns the size of the ranges over this many connections. In steady progress, the range at the head is nearly
    /// complete, and the last one has just begun: half of all ranges must fit in the memory of one reader. Larger ones
    /// would stop for lack of memory, smaller ones spend more of their time waiting for a response.
    pub(super) fn range_for(&self, connections: usize) -> u64 {
        let others = u64::try_from(connections.saturating_sub(1)).unwrap_or(u64::MAX).max(1);
        let fitting = (Memory::for_one(self.memory) as u64).saturating_mul(2) / others;
        fitting.clamp(self.range_size / 8, self.range_size).max(1)
    }
}

impl Default for ReadAheadSettings {
    fn default() -> Self {
        Self {
            range_size: 8 * MIB as u64,
            memory: 38 * MIB,
            chunk: 64 * KIB,
            reader: 192 * KIB,
            hold_back: 64 * KIB,
            threads: usize::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ahead::memory::CHUNKS_OF_A_READER;

    /// As many as the server has connections.
    #[test]
    fn many_readers_hardly_take_more_memory_than_one() {
        let ReadAheadSettings { memory, chunk, reader, .. } = ReadAheadSettings::default();
        for readers in [1, 2, 16, 64, 128] {
            let (mut memory, mut held) = (Memory::new(memory, chunk, reader), vec![0; readers]);
            let mut takes = true;
            while takes {
                takes = false;
                for held in &mut held {
                    if memory.has_room(*held, readers) {
                        memory.take();
                        (*held, takes) = (*held + 1, true);
                    }
                }
            }
            (0..readers * CHUNKS_OF_A_READER).for_each(|_| drop(memory.take()));
            let all = memory.used() + readers * reader;
            assert!(all <= 49 << 20, "{readers} readers take {all} bytes");
        }
    }

    #[test]
    fn ranges_fit_the_memory() {
        let range = |connections| ReadAheadSettings::default().range_for(connections) / 1024;
        for (connections, kib) in [(1, 8192), (4, 8192), (10, 7686), (16, 4611), (32, 2231), (64, 1098), (1000, 1024)] {
            assert_eq!(range(connections), kib, "{connections}");
        }
        let none = ReadAheadSettings { memory: 0, range_size: 0, ..ReadAheadSettings::default() };
        assert_eq!(none.range_for(0), 1);
    }
}
