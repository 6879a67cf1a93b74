//! A blob that is being received: its parts are sent while others arrive.

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::base::{Digest, Error, Parts, Result, Unpoisoned as _, reader_from_fn};
use crate::object::BlobSource;
use crate::ops::export::{Check, Summed};
use crate::ops::push::budget::Room;
use crate::ops::push::spool::Spool;
use crate::transfer::Run;

/// A blob that is being received, as a source for the threads that send it.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) parts: Parts,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The parts that were received. Those that were sent, and will not have to be sent again, are `None`.
    parts: Vec<Option<Arc<Part>>>,
    /// The digest of all bytes was right.
    verified: bool,
    /// The store has no parts, so all of them are needed at the end.
    in_one_piece: bool,
    failure: Option<Error>,
}

/// A part that was received.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) spool: Spool,
    pub(super) sum: Summed,
    /// Returned when the part is no longer needed.
    pub(super) _room: Option<Room>,
}

impl Incoming {
    pub(super) fn new(digest: Digest, size: u64, parts: Parts) -> Self {
        Self { digest, size, parts, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Adds the next part.
    pub(super) fn push(&self, part: Part) {
        self.lock().parts.push(Some(Arc::new(part)));
        self.changed.notify_all();
    }

    /// Records that all parts were received, and that the digest is right.
    pub(super) fn verified(&self) {
        self.lock().verified = true;
        self.changed.notify_all();
    }

    /// Stops the threads that send the blob.
    pub(super) fn fail(&self, error: Error) {
        self.lock().failure.get_or_insert(error);
        self.changed.notify_all();
    }

    /// Checks that neither the client nor the store has failed.
    ///
    /// # Errors
    /// The first failure.
    pub(super) fn check(&self) -> Result<()> {
        self.lock().failure.clone().map_or(Ok(()), Err)
    }

    /// Returns whether parts are kept until all were received.
    pub(super) fn is_in_one_piece(&self) -> bool {
        self.lock().in_one_piece
    }

    /// Wakes waiting threads, so that they check whether their run has stopped.
    pub(super) fn wake(&self) {
        // A thread that has checked but does not wait yet holds the lock.
        drop(self.lock());
        self.changed.notify_all();
    }

    fn wait(&self, run: &Run<'_>, is_ready: impl Fn(&State) -> bool) -> Result<()> {
        let mut state = self.lock();
        loop {
            run.check()?;
            if let Some(failure) = &state.failure {
                return Err(failure.clone());
            }
            if is_ready(&state) {
                return Ok(());
            }
            state = self.changed.wait(state).unpoisoned();
        }
    }

    /// Returns the part that holds the byte at `offset`, with the position of the byte in it.
    fn part_at(&self, offset: u64) -> io::Result<(Arc<Part>, u64)> {
        let part_size = self.parts.range(0).end.max(1);
        let index = usize::try_from(offset / part_size).unwrap_or(usize::MAX);
        let part = self.lock().parts.get(index).cloned().flatten();
        let gone = || io::Error::other(Error::integrity(format!("the received blob {} is gone", self.digest)));
        Ok((part.ok_or_else(gone)?, offset % part_size))
    }

    /// Reads bytes of one part, and advances the offset.
    fn read_on(&self, buffer: &mut [u8], offset: &mut u64) -> io::Result<usize> {
        if buffer.is_empty() || *offset >= self.size {
            return Ok(0);
        }
        let (part, within) = self.part_at(*offset)?;
        let read = part.spool.read_at(buffer, within)?;
        *offset += read as u64;
        Ok(read)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unpoisoned()
    }
}

impl Check for Arc<Incoming> {
    fn prepare(&self, index: usize, run: &Run<'_>) -> Result<Option<Digest>> {
        self.wait(run, |state| state.parts.len() > index).map(|()| None)
    }

    fn sent(&self, index: usize, sent: Summed, _: &Run<'_>) -> Result<()> {
        let part = self.lock().parts.get_mut(index).and_then(Option::take);
        match part {
            Some(part) if part.sum == sent => Ok(()),
            _ => Err(Error::integrity(format!("the received blob {} changed before it was sent", self.digest))),
        }
    }

    fn verify(&self, run: &Run<'_>) -> Result<()> {
        self.wait(run, |state| state.verified)
    }

    fn without_parts(&self) {
        self.lock().in_one_piece = true;
    }

    fn complete(&self, run: &Run<'_>) -> Result<()> {
        self.verify(run)
    }

    fn failed(&self, error: &Error) {
        self.fail(error.clone());
    }
}

impl BlobSource for Incoming {
    fn blob_size(&self, _: &Digest) -> Result<Option<u64>> {
        Ok(Some(self.size))
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>> {
        self.open_blob_at(digest, 0)
    }

    fn open_blob_at(&self, _: &Digest, mut offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        Ok(reader_from_fn(move |buffer| self.read_on(buffer, &mut offset)))
    }
}
