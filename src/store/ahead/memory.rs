//! The memory that all readers share, in chunks.

/// One of several readers may hold at most this many times the memory that is still free: however many have stopped
/// reading, some is left for the next.
const SHARE: usize = 3;
/// The same for the only reader.
const SHARE_ALONE: usize = 8;
/// The chunks that each reader may have even if none is free: two at the head, and the one that is handed out.
pub(super) const CHUNKS_OF_A_READER: usize = 3;

/// Bytes that have arrived, in a buffer that is used again.
#[derive(Debug)]
pub(super) struct Chunk {
    buffer: Vec<u8>,
    filled: usize,
}

/// Counts the chunks in use, and keeps the others.
#[derive(Debug)]
pub(super) struct Memory {
    chunk: usize,
    total: usize,
    /// What a reader takes besides its chunks.
    reader: usize,
    used: usize,
    /// The most that was ever in use.
    #[cfg(test)]
    pub(super) most: usize,
    idle: Vec<Chunk>,
}

impl Memory {
    pub(super) fn new(total: usize, chunk: usize, reader: usize) -> Self {
        Self {
            chunk: chunk.max(1),
            total,
            reader,
            used: 0,
            #[cfg(test)]
            most: 0,
            idle: Vec::new(),
        }
    }

    /// Returns how much of `total` the only reader can use.
    pub(super) fn for_one(total: usize) -> usize {
        total / (SHARE_ALONE + 1) * SHARE_ALONE
    }

    /// Returns whether one of this many readers, which holds this many chunks, may take another one.
    pub(super) fn has_room(&self, held: usize, readers: usize) -> bool {
        // Kept for what the other readers take in any case, so that the total hardly depends on their number.
        let own = CHUNKS_OF_A_READER.saturating_mul(self.chunk).saturating_add(self.reader);
        let reserved = readers.saturating_sub(1).saturating_mul(own);
        let free = self.total.saturating_sub(self.used).saturating_sub(reserved);
        let share = if readers > 1 { SHARE } else { SHARE_ALONE };
        free >= self.chunk && held.saturating_mul(self.chunk) < free.saturating_mul(share)
    }

    /// Returns an empty chunk. The caller has checked that it may.
    pub(super) fn take(&mut self) -> Chunk {
        self.used += self.chunk;
        #[cfg(test)]
        {
            self.most = self.most.max(self.used);
        }
        self.idle.pop().unwrap_or_else(|| Chunk { buffer: vec![0; self.chunk], filled: 0 })
    }

    /// Takes a chunk back. Those beyond the shared memory are freed.
    pub(super) fn put(&mut self, mut chunk: Chunk) {
        self.used = self.used.saturating_sub(self.chunk);
        if self.used.saturating_add((self.idle.len() + 1).saturating_mul(self.chunk)) <= self.total {
            chunk.filled = 0;
            self.idle.push(chunk);
        }
    }

    /// Frees the chunks that are not in use.
    pub(super) fn trim(&mut self) {
        self.idle = Vec::new();
    }

    /// Returns how many bytes are in use.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.used
    }
}

impl Chunk {
    /// Returns the bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Returns the part of the buffer that is empty.
    pub(super) fn rest(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    /// Adds bytes that were written to the start of [`rest`](Self::rest).
    pub(super) fn add(&mut self, bytes: usize) {
        self.filled = self.filled.saturating_add(bytes).min(self.buffer.len());
    }
}
