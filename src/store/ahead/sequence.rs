//! The bytes of one read, in order.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::base::{Error, Interrupt, Result, Unpoisoned as _};
use crate::http;
use crate::object::Version;
use crate::store::ahead::blob_read::{Abandoned, BlobRead};
use crate::store::ahead::fetch::{Fetch, Fetching};
use crate::store::ahead::memory::Chunk;
use crate::store::ahead::plan::Plan;
use crate::store::ahead::shared::Shared;
use crate::store::ahead::table::Popped;

/// How often a read whose bytes do not arrive checks whether its client has left.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The chunks of a range, in order.
pub(super) struct Sequence {
    fetch: Arc<Fetch>,
    /// A range that this thread reads itself.
    own: Option<Fetching>,
    abandoned: Abandoned,
    _interrupt: Interrupt,
}

impl Sequence {
    /// Prepares to read `range`, if `version` is given only from that version of the object. Sends nothing.
    pub(super) fn new(shared: &Arc<Shared>, read: &BlobRead, range: Range<u64>, version: Option<Version>) -> Self {
        let most = shared.settings.range_for(read.store.connections());
        let plan = match read.store.sends_ranges() {
            Some(false) if version.is_none() => Plan::whole(range, most),
            _ => Plan::new(range, read.size, most, read.store.connections()),
        };
        let fetch = Fetch::new(shared.clone(), read, plan, version);
        let cancelled = fetch.clone();
        let _interrupt = read.cancel.on_cancel(move || cancelled.close());
        Self { fetch, own: None, abandoned: read.abandoned.clone(), _interrupt }
    }

    /// Returns the next bytes, or `None` after the last.
    ///
    /// # Errors
    /// If the store fails, or the read was cancelled.
    pub(super) fn next(&mut self) -> Result<Option<Chunk>> {
        loop {
            let mut table = self.fetch.shared.table();
            match table.pop(self.fetch.id) {
                Popped::Chunk(chunk) => {
                    drop(table);
                    self.fetch.recruit();
                    return Ok(Some(chunk));
                }
                Popped::End => return Ok(None),
                Popped::Failed(error) => return Err(error),
                Popped::Closed => return Err(Error::Cancelled),
                Popped::Unclaimed => {
                    let threads = table.stream(self.fetch.id).map_or(0, |stream| stream.threads);
                    drop(table);
                    // A thread of this blob begins with the range, or ends.
                    if !self.fetch.recruit() && threads == 0 {
                        self.own = Some(self.fetch.claim(false).ok_or(Error::Cancelled)?);
                    }
                }
                Popped::Pending => drop(table),
            }
            match &mut self.own {
                Some(own) => {
                    let _stops = http::stop_thread(stops(self.fetch.clone(), self.abandoned.clone()));
                    if self.fetch.run(own, false) {
                        self.own = None;
                    }
                }
                None => self.wait(),
            }
        }
    }

    /// Waits until there may be something to hand out.
    fn wait(&self) {
        let mut table = self.fetch.shared.table();
        let Some(stream) = table.stream(self.fetch.id) else { return };
        if !stream.is_idle() {
            return;
        }
        self.fetch.starved.store(stream.head() + 1, Ordering::Relaxed);
        let arrived = stream.arrived.clone();
        let (table, waited) = arrived.wait_timeout(table, LOOK_EVERY).unpoisoned();
        self.fetch.starved.store(0, Ordering::Relaxed);
        drop(table);
        if waited.timed_out() && (self.abandoned)() {
            self.fetch.close();
        }
    }

    /// Takes back a chunk that was handed out.
    pub(super) fn put(&self, chunk: Chunk) {
        self.fetch.shared.table().put(self.fetch.id, chunk);
    }

    /// Returns the strong version that all bytes came from, if it is known.
    pub(super) fn version(&self) -> Option<Version> {
        self.fetch.version()
    }
}

/// Returns a function that tells whether a read of this thread must end: it was closed, or nobody waits for the bytes.
fn stops(fetch: Arc<Fetch>, abandoned: Abandoned) -> impl Fn() -> bool {
    let looked = Cell::new(Instant::now());
    move || {
        if looked.get().elapsed() >= LOOK_EVERY {
            looked.set(Instant::now());
            if abandoned() {
                fetch.close();
            }
        }
        fetch.cancel.is_cancelled()
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        self.own = None;
        self.fetch.close();
    }
}
