//! Which thread reads what, and which may take memory next.
//!
//! The state of all reads of a process is under one lock, which is held only for moments: each chunk needs it a few
//! times.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar};

use crate::base::{Error, Numbered};
use crate::store::ahead::memory::{Chunk, Memory};
use crate::store::ahead::plan::Plan;

/// The chunks that the range at the head of a stream may always have, whatever the others hold: one to fill while the
/// other one is handed out.
const HEAD_CHUNKS: usize = 2;
/// The room that a thread needs to go on if it has given up its connection: the next request should be worth its cost.
const RESUME_CHUNKS: usize = 8;

/// All streams together have at most this many threads for each connection, and one each. More would only wait for
/// memory, because their readers are slow.
const THREADS_PER_CONNECTION: usize = 4;

/// The state of all reads.
pub(super) struct Table {
    pub(super) memory: Memory,
    streams: Numbered<Stream>,
}

/// One read.
pub(super) struct Stream {
    pub(super) plan: Plan,
    /// The maximum number of threads.
    pub(super) most_threads: usize,
    pub(super) threads: usize,
    /// The ranges that threads have begun, from the one that is handed out on. `head` is the index of the first.
    begun: VecDeque<Slot>,
    head: usize,
    /// The chunks of this read, including those that are being filled or handed out.
    held: usize,
    closed: bool,
    failed: bool,
    /// Notified when there may be bytes to hand out.
    pub(super) arrived: Arc<Condvar>,
}

/// A range that is being read.
#[derive(Default)]
struct Slot {
    chunks: VecDeque<Chunk>,
    /// The chunks of this range: `chunks`, and the one being filled.
    held: usize,
    done: bool,
    error: Option<Error>,
    /// Notified when the thread that reads the range may take memory, if it waits for that.
    waiting: Option<Arc<Condvar>>,
    /// The thread has given up its connection.
    paused: bool,
}

/// A range that a thread has begun to read.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) index: usize,
    pub(super) range: Range<u64>,
    /// Request the object without a range.
    pub(super) unranged: bool,
}

/// What there is to hand out.
pub(super) enum Popped {
    Chunk(Chunk),
    Failed(Error),
    /// A thread is reading the range.
    Pending,
    /// No thread has begun with the range.
    Unclaimed,
    End,
    Closed,
}

impl Table {
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, streams: Numbered::default() }
    }

    pub(super) fn open(&mut self, plan: Plan, most_threads: usize) -> u64 {
        self.streams.add(Stream {
            plan,
            most_threads,
            threads: 0,
            begun: VecDeque::new(),
            head: 0,
            held: 0,
            closed: false,
            failed: false,
            arrived: Arc::default(),
        })
    }

    pub(super) fn stream(&mut self, id: u64) -> Option<&mut Stream> {
        self.streams.get_mut(id)
    }

    /// Begins the next range, if there is one that may begin. A thread of a stream that has more than its share of the
    /// threads gets none, and ends.
    pub(super) fn claim(&mut self, id: u64, as_thread: bool) -> Option<Claim> {
        let (share, readers) = (self.share(id), self.streams.len());
        let stream = self.streams.get_mut(id)?;
        let index = stream.next();
        if stream.closed || stream.failed || index >= stream.plan.count() {
            return None;
        }
        if index > stream.head && as_thread && (stream.threads > share || !self.memory.has_room(stream.held, readers)) {
            return None;
        }
        stream.begun.push_back(Slot::default());
        Some(Claim { index, range: stream.plan.range(index), unranged: stream.plan.is_unranged() })
    }

    /// Returns whether another thread would speed up the stream.
    pub(super) fn wants_thread(&self, id: u64, may_be_several: bool) -> bool {
        let Some(stream) = self.streams.get(id) else { return false };
        let most = if may_be_several { self.share(id) } else { 1 };
        let free = stream.threads == 0 || self.has_free_thread(stream.most_threads);
        free && stream.threads < most.min(stream.most_threads) && self.is_hungry(stream)
    }

    /// Returns whether a stream over that many connections may have more than one thread.
    fn has_free_thread(&self, connections: usize) -> bool {
        let threads: usize = self.streams.iter().map(|(_, stream)| stream.threads).sum();
        threads < connections.saturating_mul(THREADS_PER_CONNECTION).saturating_add(self.streams.len())
    }

    /// Returns whether the stream has a range left that may begin.
    fn is_hungry(&self, stream: &Stream) -> bool {
        let next = stream.next();
        !stream.closed
            && !stream.failed
            && next < stream.plan.count()
            && (next == stream.head || self.memory.has_room(stream.held, self.streams.len()))
    }

    /// Returns how many threads the stream should have: streams whose readers have stopped need none, the others share
    /// the connections evenly.
    fn share(&self, id: u64) -> usize {
        let most = self.streams.get(id).map_or(0, |stream| stream.most_threads);
        let others = self.streams.iter().filter(|(other, stream)| *other != id && self.is_hungry(stream)).count();
        most.div_ceil(others + 1)
    }

    /// Takes an empty chunk for a range, if it may have one: within the stream's share of the memory, if no earlier
    /// range waits; beyond it, if it is at the head and has fewer than [`HEAD_CHUNKS`].
    pub(super) fn take(&mut self, id: u64, index: usize) -> Option<Chunk> {
        let readers = self.streams.len();
        let stream = self.streams.get_mut(id)?;
        if !stream.may_take(index, &self.memory, readers) {
            return None;
        }
        stream.held += 1;
        let slot = stream.slot(index)?;
        slot.held += 1;
        slot.paused = false;
        Some(self.memory.take())
    }

    /// Sets whether the thread that reads a range waits for memory.
    pub(super) fn wait(&mut self, id: u64, index: usize, waiting: Option<Arc<Condvar>>) {
        if let Some(slot) = self.streams.get_mut(id).and_then(|stream| stream.slot(index)) {
            slot.waiting = waiting;
        }
    }

    /// Records that the thread that reads a range gives up its connection.
    pub(super) fn pause(&mut self, id: u64, index: usize) {
        if let Some(slot) = self.streams.get_mut(id).and_then(|stream| stream.slot(index)) {
            slot.paused = true;
        }
    }

    /// Adds bytes of a range.
    pub(super) fn push(&mut self, id: u64, index: usize, chunk: Chunk) {
        let Some(stream) = self.streams.get_mut(id) else { return self.memory.put(chunk) };
        let (is_head, is_useless) = (index == stream.head, stream.closed || chunk.bytes().is_empty());
        match stream.slot(index) {
            Some(slot) if !is_useless => {
                slot.chunks.push_back(chunk);
                if is_head {
                    stream.arrived.notify_all();
                }
            }
            slot => {
                if let Some(slot) = slot {
                    slot.held = slot.held.saturating_sub(1);
                }
                self.put(id, chunk);
            }
        }
    }

    /// Ends a range.
    pub(super) fn end(&mut self, id: u64, index: usize, error: Option<Error>) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.failed |= error.is_some();
        if let Some(slot) = stream.slot(index) {
            (slot.done, slot.error) = (true, error);
        }
        stream.arrived.notify_all();
    }

    /// Returns the next bytes to hand out.
    pub(super) fn pop(&mut self, id: u64) -> Popped {
        let Some(stream) = self.streams.get_mut(id).filter(|stream| !stream.closed) else { return Popped::Closed };
        let head = stream.head;
        let popped = stream.pop();
        // The thread of the new head may take more memory than before.
        if stream.head != head {
            self.wake();
        }
        popped
    }

    /// Takes back a chunk of a stream.
    pub(super) fn put(&mut self, id: u64, chunk: Chunk) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.held = stream.held.saturating_sub(1);
        }
        self.memory.put(chunk);
        self.wake();
    }

    /// Wakes the threads that may take memory now: of each stream, the one with the earliest range that waits.
    pub(super) fn wake(&self) {
        for (_, stream) in self.streams.iter() {
            if let Some((index, waiting)) = stream.first_waiting()
                && stream.may_take(index, &self.memory, self.streams.len())
            {
                waiting.notify_all();
            }
        }
    }

    /// Ends a stream: its threads stop, and no more bytes are handed out.
    pub(super) fn close(&mut self, id: u64) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.closed = true;
        stream.arrived.notify_all();
        let mut chunks = Vec::new();
        for slot in &mut stream.begun {
            slot.held = slot.held.saturating_sub(slot.chunks.len());
            chunks.extend(slot.chunks.drain(..));
            if let Some(waiting) = &slot.waiting {
                waiting.notify_all();
            }
        }
        for chunk in chunks {
            self.put(id, chunk);
        }
    }

    /// Forgets a closed stream, once its threads have ended.
    pub(super) fn remove_if_over(&mut self, id: u64) {
        if self.streams.get(id).is_some_and(|stream| stream.closed && stream.threads == 0) {
            self.streams.remove(id);
            // The last reader may use more memory.
            self.wake();
        }
        if self.streams.is_empty() {
            self.memory.trim();
        }
    }
}

impl Stream {
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    fn pop(&mut self) -> Popped {
        loop {
            let Some(slot) = self.begun.front_mut() else {
                return if self.head >= self.plan.count() { Popped::End } else { Popped::Unclaimed };
            };
            if let Some(chunk) = slot.chunks.pop_front() {
                slot.held = slot.held.saturating_sub(1);
                return Popped::Chunk(chunk);
            }
            if let Some(error) = slot.error.take() {
                return Popped::Failed(error);
            }
            if !slot.done {
                return Popped::Pending;
            }
            self.begun.pop_front();
            self.head += 1;
        }
    }

    /// Returns the index of the range that is handed out.
    pub(super) fn head(&self) -> usize {
        self.head
    }

    /// Returns whether there is nothing to hand out before a thread does something.
    pub(super) fn is_idle(&self) -> bool {
        let at_head = |slot: &Slot| slot.chunks.is_empty() && !slot.done;
        !self.closed && self.begun.front().map_or(self.threads > 0, at_head)
    }

    /// Requests what is left as one range, without a range header. Returns the range of the claim, which may be longer
    /// then.
    pub(super) fn go_whole(&mut self, claim: &Claim) -> Claim {
        let next = self.next();
        self.plan.merge_from(if claim.index + 1 == next { claim.index } else { next });
        Claim { index: claim.index, range: claim.range.start..self.plan.range(claim.index).end, unranged: true }
    }

    /// Returns the index of the next range to begin.
    fn next(&self) -> usize {
        self.head + self.begun.len()
    }

    fn slot(&mut self, index: usize) -> Option<&mut Slot> {
        self.begun.get_mut(index.checked_sub(self.head)?)
    }

    fn first_waiting(&self) -> Option<(usize, &Condvar)> {
        let waiting = self.begun.iter().position(|slot| slot.waiting.is_some())?;
        Some((self.head + waiting, self.begun.get(waiting)?.waiting.as_deref()?))
    }

    fn may_take(&self, index: usize, memory: &Memory, readers: usize) -> bool {
        let Some(slot) = index.checked_sub(self.head).and_then(|at| self.begun.get(at)) else { return false };
        let is_first = self.first_waiting().is_none_or(|(first, _)| index <= first);
        let (more, at_head) = if slot.paused { (RESUME_CHUNKS, 1) } else { (1, HEAD_CHUNKS) };
        (is_first && memory.has_room(self.held + more - 1, readers)) || (index == self.head && slot.held < at_head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_readers_do_not_collect_threads() {
        let mut table = Table::new(Memory::new(1 << 30, 1, 0));
        let plan = || Plan::new(0..1_000_000, 1_000_000, 1000, 4);
        let ids: Vec<u64> = (0..6).map(|_| table.open(plan(), 4)).collect();
        for (at, id) in ids.iter().enumerate() {
            // Each has its first range, and may have more.
            assert!(table.claim(*id, true).is_some());
            assert!(table.wants_thread(*id, true), "{at}");
            table.stream(*id).unwrap().threads = if at < 5 { 4 } else { 1 };
        }
        // Hungry readers share the connections, so the others must have enough for now.
        for id in &ids[..5] {
            table.stream(*id).unwrap().failed = true;
        }
        let last = *ids.last().unwrap();
        assert!(table.wants_thread(last, true));
        table.stream(last).unwrap().threads = 2;
        assert!(!table.wants_thread(last, true), "22 threads for 4 connections");
        // The first one is never refused.
        let new = table.open(plan(), 4);
        table.stream(ids[0]).unwrap().threads = 40;
        assert!(table.wants_thread(new, true));
    }
}
