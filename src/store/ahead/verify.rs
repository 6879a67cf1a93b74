//! Hashes bytes in order, and holds back the last ones until the digest is right.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::sync::Arc;

use crate::base::{Error, ErrorKind, Result};
use crate::store::ahead::blob_read::BlobRead;
use crate::store::ahead::memory::Chunk;
use crate::store::ahead::notes::Checkpoint;
use crate::store::ahead::sequence::Sequence;
use crate::store::ahead::shared::Shared;

/// How far hash states are apart.
const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;
/// How many of the last hash states a reader keeps: more than the buffers of a broken connection can hold.
const CHECKPOINTS: usize = 8;

/// Reads a range of a blob. The bytes are in order, and the last ones are returned only after the digest of the whole
/// blob was checked. If it is wrong, they are replaced by an error of kind [`InvalidData`](io::ErrorKind::InvalidData).
///
/// Fails with the crate's [`Error`] inside. After an error, every read fails. [`BufRead`] returns the bytes where they
/// are, without another copy.
pub(crate) struct VerifiedReader {
    shared: Arc<Shared>,
    read: BlobRead,
    sequence: Sequence,
    /// `None` if the version to read has been verified before.
    hash: Option<Hash>,
    /// The position of the next byte from `sequence`, and where those end.
    position: u64,
    end: u64,
    /// Bytes that may be returned, and the part of them that was not yet.
    current: Option<(Chunk, Range<usize>)>,
    /// The last bytes of the range, held back, and how many of them have been returned.
    tail: Vec<u8>,
    returned: usize,
    state: State,
}

enum State {
    Reading,
    Verified,
    Failed(String),
}

/// The hash of all bytes before the position.
struct Hash {
    at: Checkpoint,
    /// Whether this reader has read the blob from its start.
    whole: bool,
    recent: VecDeque<Checkpoint>,
}

impl VerifiedReader {
    pub(super) fn new(shared: Arc<Shared>, mut read: BlobRead) -> Self {
        let end = read.range.end.min(read.size);
        read.range = read.range.start.min(end)..end;
        let known = if read.range == (0..read.size) || read.store.distrusts_etags() {
            None
        } else {
            shared.notes.verified_version(&read.digest, &read.location())
        };
        let (hash, range) = match &known {
            Some(_) => (None, read.range.clone()),
            None => (Some(Hash::from(shared.notes.checkpoint(&read.digest, read.range.start))), 0..read.size),
        };
        let range = hash.as_ref().map_or(range.start, |hash| hash.at.position)..range.end;
        let sequence = Sequence::new(&shared, &read, range.clone(), known);
        let is_over = read.range.is_empty() && read.size > 0;
        Self {
            shared,
            read,
            sequence,
            hash,
            position: range.start,
            end: range.end,
            current: None,
            tail: Vec::new(),
            returned: 0,
            state: if is_over { State::Verified } else { State::Reading },
        }
    }

    /// Waits for the first bytes. Returns `false` if the blob does not exist.
    ///
    /// # Errors
    /// If it has another size or is archived, or if the store refuses or fails.
    pub(crate) fn start(&mut self) -> Result<bool> {
        if self.current.is_some() || !self.tail.is_empty() || !matches!(self.state, State::Reading) {
            return Ok(true);
        }
        match self.advance() {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes the next chunk, or checks the digest after the last.
    fn advance(&mut self) -> Result<()> {
        let advanced = match self.sequence.next() {
            Ok(Some(chunk)) => {
                self.accept(chunk);
                return Ok(());
            }
            Ok(None) => self.finish(),
            Err(error) => Err(error),
        };
        let Err(error) = advanced else { return Ok(()) };
        if self.hash.is_none() && error.kind() == ErrorKind::Conflict {
            self.shared.notes.forget(&self.read.digest);
            // It was overwritten, probably with the same bytes.
            if self.position == self.read.range.start {
                *self = Self::new(self.shared.clone(), self.read.clone());
                return Ok(());
            }
        }
        if !matches!(error, Error::Cancelled) {
            log::warn!("cannot read {}: {}", self.read.location(), error.chain());
        }
        self.state = State::Failed(error.to_string());
        Err(error)
    }

    fn accept(&mut self, chunk: Chunk) {
        let (from, bytes) = (self.position, chunk.bytes());
        self.position += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        // Where in the chunk a position of the blob is.
        let length = bytes.len();
        let at = |position: u64| usize::try_from(position.saturating_sub(from)).map_or(length, |at| at.min(length));
        let Range { start, end } = self.read.range;
        let held = match &self.hash {
            Some(_) => end.saturating_sub(self.shared.settings.hold_back as u64).max(start),
            None => end,
        };
        self.tail.extend_from_slice(bytes.get(at(held)..at(end)).unwrap_or_default());
        let free = at(start)..at(held);
        if free.start < free.end {
            self.current = Some((chunk, free));
        } else {
            self.sequence.put(chunk);
        }
    }

    fn finish(&mut self) -> Result<()> {
        if self.position != self.end {
            return Err(Error::integrity(format!("{} ends at byte {}", self.read.location(), self.position)));
        }
        if let Some(hash) = self.hash.take() {
            let digest = &self.read.digest;
            if hash.at.hasher.finish() != *digest {
                self.shared.notes.forget(digest);
                return Err(Error::integrity(format!("{} does not match its digest", self.read.location())));
            }
            if let (true, Some(version)) = (hash.whole, self.sequence.version()) {
                self.shared.notes.verified(digest, self.read.location(), version);
            }
        }
        self.state = State::Verified;
        Ok(())
    }
}

impl Hash {
    fn from(at: Checkpoint) -> Self {
        Self { whole: at.position == 0, at, recent: VecDeque::new() }
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let step = CHECKPOINT_BYTES - self.at.position % CHECKPOINT_BYTES;
            let (now, later) =
                bytes.split_at_checked(usize::try_from(step).unwrap_or(usize::MAX)).unwrap_or((bytes, &[]));
            self.at.hasher.update(now);
            self.at.position += now.len() as u64;
            if self.at.position.is_multiple_of(CHECKPOINT_BYTES) {
                self.recent.push_back(self.at.clone());
                if self.recent.len() > CHECKPOINTS {
                    self.recent.pop_front();
                }
            }
            bytes = later;
        }
    }
}

impl BufRead for VerifiedReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_none() {
            match &self.state {
                State::Reading => self.advance().map_err(into_io)?,
                State::Verified => break,
                State::Failed(why) => return Err(io::Error::other(why.clone())),
            }
        }
        Ok(match &self.current {
            Some((chunk, left)) => chunk.bytes().get(left.clone()).unwrap_or_default(),
            None => self.tail.get(self.returned..).unwrap_or_default(),
        })
    }

    fn consume(&mut self, amount: usize) {
        let Some((chunk, mut left)) = self.current.take() else {
            self.returned = self.returned.saturating_add(amount).min(self.tail.len());
            return;
        };
        left.start = left.start.saturating_add(amount);
        if left.start < left.end {
            self.current = Some((chunk, left));
        } else {
            self.sequence.put(chunk);
        }
    }
}

impl Read for VerifiedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let copied = self.fill_buf()?.read(buffer)?;
        self.consume(copied);
        Ok(copied)
    }
}

impl Drop for VerifiedReader {
    /// Keeps the hash for a client that resumes.
    fn drop(&mut self) {
        if let Some((chunk, _)) = self.current.take() {
            self.sequence.put(chunk);
        }
        if let Some(hash) = self.hash.take().filter(|hash| !hash.recent.is_empty()) {
            self.shared.notes.keep(&self.read.digest, hash.recent);
        }
    }
}

impl fmt::Debug for VerifiedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("VerifiedReader");
        debug.field("key", &self.read.key).field("range", &self.read.range).field("at", &self.position).finish()
    }
}

fn into_io(error: Error) -> io::Error {
    match error.kind() {
        ErrorKind::Integrity => io::Error::new(io::ErrorKind::InvalidData, error),
        ErrorKind::NotFound => io::Error::new(io::ErrorKind::NotFound, error),
        _ => io::Error::other(error),
    }
}
