//! Reads blobs ahead: parallel ranges feed one stream of verified bytes.
//!
//! A client requests a layer once, over one connection. Here, threads read ranges of it over several connections to the
//! store, into memory that all readers of the process share in chunks. The thread that serves the client takes the chunks
//! in order, hashes them, and holds back the last bytes until the digest is right.
//!
//! # Why nothing waits for ever
//!
//! Readers share connections and memory, and some clients stop reading. Suppose that a client reads. Then the range at
//! the head of its stream gets bytes:
//!
//! 1. *Memory.* The head may always have two chunks, whatever others hold, so its thread never waits for memory that
//!    only another client can free. The memory in use is therefore at most the larger of the shared one and three
//!    chunks for each reader (those two, and the one that is handed out), and three chunks more. The head's thread
//!    waits only while it has two chunks that its own reader can take.
//! 2. *Connections.* A thread that waits for memory gives up its connection after two seconds, or after a tenth of a
//!    second if somebody waits for a connection. The thread that serves a client never holds one while it hands out
//!    bytes: if it reads a range itself, it does so to the end, or until memory is short, and then gives up the
//!    connection. So every connection is held by a thread that is reading, which ends or fails within the time limits of
//!    the client, or is given up soon. Connections are granted in turn, those for a head before others.
//! 3. *Order of locks.* A thread may hold one empty chunk while it waits for a connection, but nobody waits for that
//!    chunk because of 1. Nobody waits for anything while holding the lock on the table.
//!
//! A stopped client keeps at most its share of the memory. A client that leaves drops its reader, which wakes its
//! threads: those in a read end within a quarter of a second, those that wait for a connection when they get one. A client
//! that leaves while the store sends nothing is noticed within a second.

mod blob_read;
mod fetch;
mod memory;
mod notes;
mod plan;
mod sequence;
mod settings;
mod shared;
mod table;
mod verify;

use std::sync::Arc;

use shared::Shared;

pub(crate) use blob_read::{Abandoned, BlobRead};
pub(crate) use settings::ReadAheadSettings;
pub(crate) use verify::VerifiedReader;

/// What the reads of a process share: memory, threads, and what is known about blobs. Clones share one state.
#[derive(Clone)]
pub(crate) struct ReadAhead(Arc<Shared>);

impl ReadAhead {
    /// Creates the shared state.
    pub(crate) fn new(settings: ReadAheadSettings) -> Self {
        Self(Arc::new(Shared::new(settings)))
    }

    /// Returns a reader of a range of a blob. It sends no request before [`VerifiedReader::start`] or the first read.
    pub(crate) fn open(&self, read: BlobRead) -> VerifiedReader {
        VerifiedReader::new(self.0.clone(), read)
    }

    /// Waits until all threads have ended. Those of a dropped reader end shortly after it, unless they are looking up a
    /// name or connecting, which has its own time limits. Threads of readers that are neither dropped nor cancelled may
    /// not end.
    pub(crate) fn join(&self) {
        self.0.threads.join();
    }
}

#[cfg(test)]
mod fake_store;
#[cfg(test)]
mod tests;
