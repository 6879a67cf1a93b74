//! Reads the ranges of one blob into memory.

use std::io::{self, Read as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::base::{Cancel, Error, ErrorKind, Result, Unpoisoned as _};
use crate::http;
use crate::object::Version;
use crate::store::ahead::blob_read::BlobRead;
use crate::store::ahead::memory::Chunk;
use crate::store::ahead::plan::Plan;
use crate::store::ahead::shared::Shared;
use crate::store::ahead::table::Claim;
use crate::store::resume::ResumingReader;

/// How long a thread without memory keeps its connection. Long enough for a client that pauses; then the request is
/// cheaper to repeat than the connection is to hold.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same if others wait for a connection.
const LITTLE_PATIENCE: Duration = Duration::from_millis(100);

/// How long bytes may be kept back to be passed on together with more.
const SOON: Duration = Duration::from_millis(10);

/// Reads the ranges of one blob. Shared by the thread that hands out its bytes and those that read ahead.
pub(super) struct Fetch {
    pub(super) shared: Arc<Shared>,
    pub(super) id: u64,
    read: BlobRead,
    /// Ends the threads of this blob alone.
    pub(super) cancel: Cancel,
    /// Has sent nothing. Readers of the same object are created from it.
    template: Mutex<ResumingReader>,
    /// The version that was verified before, if only that is wanted.
    required: bool,
    /// The index after the range whose bytes are waited for, or 0.
    pub(super) starved: AtomicUsize,
    /// The system has refused a thread.
    refused: AtomicBool,
}

/// A range that is being read.
pub(super) struct Fetching {
    claim: Claim,
    reader: ResumingReader,
    /// The position of the next byte.
    position: u64,
}

impl Fetch {
    /// Prepares to read. Sends nothing.
    pub(super) fn new(shared: Arc<Shared>, read: &BlobRead, plan: Plan, version: Option<Version>) -> Arc<Self> {
        let read = read.clone();
        let cancel = Cancel::new();
        let template = ResumingReader::new(read.store.clone(), read.clock.clone(), cancel.clone(), read.key.clone());
        let required = version.is_some();
        let template = match version {
            Some(version) => template.requiring(read.size, version),
            None => template,
        };
        let template = Mutex::new(template);
        let most = if plan.is_small() { 0 } else { read.store.connections().min(shared.settings.threads) };
        let id = shared.table().open(plan, most);
        let (starved, refused) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { shared, id, read, cancel, template, required, starved, refused })
    }

    /// Starts a thread if the blob needs another one. Returns whether one was started.
    pub(super) fn recruit(self: &Arc<Self>) -> bool {
        let mut table = self.shared.table();
        // Until the store has sent a range, it may send the whole blob for each.
        let may_be_several = self.read.store.sends_ranges() == Some(true);
        if self.refused.load(Ordering::Relaxed) || !table.wants_thread(self.id, may_be_several) {
            return false;
        }
        let Some(stream) = table.stream(self.id) else { return false };
        stream.threads += 1;
        drop(table);
        let fetch = self.clone();
        let spawned = self.shared.spawn(move || fetch.work());
        if let Err(error) = &spawned {
            log::info!("{} is read with fewer threads: {error}", self.read.location());
            self.refused.store(true, Ordering::Relaxed);
            self.leave();
        }
        spawned.is_ok()
    }

    /// Reads ranges until there are none left for this thread.
    fn work(self: &Arc<Self>) {
        let _leaves = LeaveOnDrop(self);
        let cancel = self.cancel.clone();
        let _stops = http::stop_thread(move || cancel.is_cancelled());
        while let Some(mut fetching) = self.claim(true) {
            self.recruit();
            self.run(&mut fetching, true);
        }
    }

    /// A thread ends.
    fn leave(&self) {
        let mut table = self.shared.table();
        if let Some(stream) = table.stream(self.id) {
            stream.threads = stream.threads.saturating_sub(1);
            stream.arrived.notify_all();
        }
        table.remove_if_over(self.id);
    }

    /// Ends the read.
    pub(super) fn close(&self) {
        self.shared.table().close(self.id);
        self.cancel.cancel();
        self.shared.table().remove_if_over(self.id);
    }

    /// Begins the next range.
    pub(super) fn claim(&self, as_thread: bool) -> Option<Fetching> {
        let claim = self.shared.table().claim(self.id, as_thread)?;
        Some(Fetching { reader: self.reader(&claim), position: claim.range.start, claim })
    }

    /// Returns a reader of a range, or of the whole object.
    fn reader(&self, claim: &Claim) -> ResumingReader {
        let template = self.template.lock().unpoisoned();
        if claim.unranged { template.whole() } else { template.another(claim.range.clone()) }
    }

    /// Reads a range to its end, or, unless it `waits`, until there is no memory for more: then it returns `false`, and
    /// holds no connection.
    pub(super) fn run(self: &Arc<Self>, fetching: &mut Fetching, waits: bool) -> bool {
        let index = fetching.claim.index;
        let error = loop {
            if fetching.position >= fetching.claim.range.end {
                break fetching.drain().err();
            }
            let Some(mut chunk) = self.take(fetching, waits) else { return false };
            let filled = self.fill(fetching, &mut chunk);
            self.shared.table().push(self.id, index, chunk);
            if let Err(error) = filled {
                break Some(error);
            }
        };
        self.shared.table().end(self.id, index, error);
        true
    }

    /// Waits for memory. A connection is given up if that takes long.
    fn take(&self, fetching: &mut Fetching, waits: bool) -> Option<Chunk> {
        let (index, begun) = (fetching.claim.index, Instant::now());
        let mut waiting = None;
        let mut table = self.shared.table();
        loop {
            let is_closed = table.stream(self.id).is_none_or(|stream| stream.is_closed());
            let chunk = if is_closed { None } else { table.take(self.id, index) };
            if is_closed || chunk.is_some() || !waits {
                if waiting.is_some() {
                    table.wait(self.id, index, None);
                    table.wake();
                }
                drop(table);
                if chunk.is_none() {
                    self.pause(fetching);
                }
                return chunk;
            }
            let condvar = waiting.get_or_insert_with(Arc::<Condvar>::default).clone();
            table.wait(self.id, index, Some(condvar.clone()));
            if !fetching.reader.is_open() {
                table = condvar.wait(table).unpoisoned();
                continue;
            }
            (table, _) = condvar.wait_timeout(table, LITTLE_PATIENCE).unpoisoned();
            let waited = begun.elapsed();
            // Without ranges, all that was read before would be sent again.
            let may_hurry = !fetching.claim.unranged && self.read.store.is_awaited();
            if waited >= PATIENCE || (waited >= LITTLE_PATIENCE && may_hurry) {
                table.pause(self.id, index);
                drop(table);
                self.pause(fetching);
                table = self.shared.table();
            }
        }
    }

    /// Gives up the connection until there is memory.
    fn pause(&self, fetching: &mut Fetching) {
        if !fetching.reader.is_open() {
            return;
        }
        if fetching.claim.unranged {
            // The store may refuse to send the rest alone.
            fetching.reader = self.reader(&fetching.claim);
        } else {
            fetching.reader.pause();
        }
    }

    /// Fills a chunk, or half of one if the bytes are waited for, because each wakes up their reader. Bytes that arrive
    /// slowly are passed on sooner.
    fn fill(&self, fetching: &mut Fetching, chunk: &mut Chunk) -> Result<()> {
        let begun = Instant::now();
        loop {
            self.open(fetching)?;
            let Fetching { claim, reader, position } = fetching;
            let skip = position.saturating_sub(reader.position());
            let left = if skip > 0 { skip } else { claim.range.end.saturating_sub(*position) };
            let rest = chunk.rest();
            let window = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if window == 0 {
                return Ok(());
            }
            match reader.read(rest.get_mut(..window).unwrap_or_default()) {
                Ok(0) => return Err(Error::integrity(format!("{} ends at byte {position}", reader.location()))),
                Ok(_) if skip > 0 => continue,
                Ok(read) => {
                    chunk.add(read);
                    *position += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(reader.failed(error)),
            }
            let is_starved = self.starved.load(Ordering::Relaxed) == claim.index + 1;
            if is_starved && (chunk.bytes().len() > chunk.rest().len() || begun.elapsed() > SOON) {
                return Ok(());
            }
        }
    }

    /// Requests the bytes, unless that has been done.
    fn open(&self, fetching: &mut Fetching) -> Result<()> {
        loop {
            if fetching.reader.is_open() {
                return Ok(());
            }
            let is_head =
                self.shared.table().stream(self.id).is_some_and(|stream| stream.head() == fetching.claim.index);
            fetching.reader.set_urgent(is_head);
            let opened = match fetching.reader.open() {
                Err(error) if self.goes_whole(fetching, &error) => {
                    log::info!("{}: the store refuses a range: {error}", fetching.reader.location());
                    self.go_whole(fetching);
                    continue;
                }
                opened => opened?,
            };
            let reader = &fetching.reader;
            if !opened {
                return Err(Error::not_found(format!("{} does not exist", reader.location())));
            }
            if reader.size() != self.read.size {
                let message =
                    format!("{} has {} bytes instead of {}", reader.location(), reader.size(), self.read.size);
                return Err(Error::integrity(message));
            }
            if fetching.claim.unranged {
                return Ok(());
            }
            self.read.store.learn_ranges(!reader.is_whole());
            if !reader.is_whole() || self.required {
                return Ok(());
            }
            log::info!("{}: the store does not support ranges", reader.location());
            self.go_whole(fetching);
        }
    }

    /// Returns whether to try without a range. A proxy that removes the range from a signed request makes it invalid.
    fn goes_whole(&self, fetching: &Fetching, error: &Error) -> bool {
        let never_sent = self.read.store.sends_ranges().is_none();
        !fetching.claim.unranged
            && !self.required
            && (error.may_concern_range() || (never_sent && error.kind() == ErrorKind::Access))
    }

    /// Requests the whole object from now on.
    fn go_whole(&self, fetching: &mut Fetching) {
        if let Some(stream) = self.shared.table().stream(self.id) {
            fetching.claim = stream.go_whole(&fetching.claim);
        }
        fetching.reader = self.reader(&fetching.claim);
    }

    /// Returns the strong version that all bytes came from, if it is known.
    pub(super) fn version(&self) -> Option<Version> {
        self.template.lock().unpoisoned().only_version()
    }
}

impl Fetching {
    /// Frees the connection for the next request.
    fn drain(&mut self) -> Result<()> {
        if self.claim.unranged && self.reader.position() < self.reader.size() {
            return Ok(());
        }
        match io::copy(&mut self.reader, &mut io::sink()) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.reader.failed(error)),
        }
    }
}

/// Ends the thread in the table when dropped, also if it panics.
struct LeaveOnDrop<'a>(&'a Fetch);

impl Drop for LeaveOnDrop<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}
