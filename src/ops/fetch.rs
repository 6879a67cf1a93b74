//! Fetches the blobs of an import: chooses the source, the number of attempts, and whole or ranged requests.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::{Action, Digest, Error, Parts, Result};
use crate::cache_config::CacheConfig;
use crate::layout::{BlobWriter, LayoutWriter, LocalCache};
use crate::object::GetOptions;
use crate::ops::cache::S3Cache;
use crate::ops::download::{ResumingReader, refuses_ranges};
use crate::ops::meter::Meter;
use crate::ops::needs::Needs;
use crate::ops::persist::{passes, persist};
use crate::ops::rounds::{self, Streak, Tried};
use crate::ops::wanted::{Fetched, Outcome, Wanted};
use crate::transfer::{Next, Permit, Permits, Stop, Work};

/// Fetches the blobs of one import.
pub(super) struct Fetcher<'a> {
    sources: Vec<Source<'a>>,
    target: &'a LocalCache,
    /// Created by [`begin`](Self::begin).
    writer: Mutex<Option<LayoutWriter>>,
    /// Whether every blob must be on disk before the index refers to it.
    sync: bool,
    connections: Permits,
    config: &'a CacheConfig,
    /// Created when the first blob is lost.
    needs: Mutex<Option<Needs>>,
    streak: Streak,
    transferred: AtomicUsize,
    bytes: AtomicU64,
}

struct Source<'a> {
    cache: &'a S3Cache,
    /// The source refuses ranges, or sends the whole object for each, which would transfer a blob once per range.
    sends_whole: AtomicBool,
}

/// A blob that is fetched in ranges.
pub(super) struct Ranged<'a> {
    wanted: Wanted,
    readers: Mutex<Readers>,
    parts: Parts,
    writer: BlobWriter,
    meter: Meter<'a>,
    /// The error of a failed range.
    error: Mutex<Option<Error>>,
}

struct Readers {
    /// The first range, already open, until it is read.
    first: Option<(ResumingReader, Permit)>,
    /// The reader that those of the other ranges are created from.
    template: ResumingReader,
}

/// A whole blob, or one whose first range is open.
enum Opened<'a> {
    Ended(Outcome),
    Begun(Box<Begun<'a>>),
}

/// A blob whose first range is open.
struct Begun<'a> {
    first: (ResumingReader, Permit),
    parts: Parts,
    writer: BlobWriter,
    meter: Meter<'a>,
}

impl<'a> Fetcher<'a> {
    /// Creates a fetcher for the blobs of `config`. All sources share the given number of connections.
    pub(super) fn new(
        sources: &[&'a S3Cache],
        target: &'a LocalCache,
        config: &'a CacheConfig,
        connections: usize,
        sync: bool,
    ) -> Self {
        let source = |cache: &&'a S3Cache| Source { cache, sends_whole: AtomicBool::new(false) };
        Self {
            sources: sources.iter().map(source).collect(),
            target,
            writer: Mutex::new(None),
            sync,
            connections: Permits::new(connections),
            config,
            needs: Mutex::new(None),
            streak: Streak::default(),
            transferred: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Fetches the blobs. Those that fail are tried again after the others.
    ///
    /// # Errors
    /// If the operation was cancelled or the directory cannot be written.
    pub(super) fn fetch(&self, first: &S3Cache, wanted: Vec<Wanted>) -> Result<rounds::Ended<Wanted, Fetched>> {
        // Fail before fetching anything if the directory cannot be written.
        self.with_writer(|_| Ok(()))?;
        rounds::run(wanted, &first.context, self, &self.streak, |wanted| self.threads(first, wanted))
    }

    /// Returns the number of threads to use: one per connection. If several connections fetch the same blob, one more
    /// hashes the ranges that arrive out of order.
    fn threads(&self, first: &S3Cache, wanted: &[Wanted]) -> usize {
        let chunks = |wanted: &Wanted| wanted.parts.count();
        let ahead = usize::from(first.connections > 1 && wanted.iter().any(|wanted| chunks(wanted) > 1));
        wanted.iter().map(chunks).fold(0_usize, usize::saturating_add).min(first.connections.saturating_add(ahead))
    }

    /// Returns the number and total size of the blobs fetched so far.
    pub(super) fn arrived(&self) -> (usize, u64) {
        (self.transferred.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// Returns whether any source still returns a manifest. If so, its other refusals and failures concern single
    /// blobs.
    pub(super) fn answers(&self) -> bool {
        self.sources.iter().any(|Source { cache, .. }| {
            cache.options.names.iter().any(|name| {
                let (key, first_byte) = (cache.options.manifest_key(name), GetOptions::range(0..1));
                matches!(persist(&cache.context, passes, || cache.store.get(&key, &first_byte)), Ok(Some(_)))
            })
        })
    }

    /// Returns the writer to commit the fetched blobs with.
    ///
    /// # Errors
    /// If the directory cannot be written.
    pub(super) fn into_writer(self) -> Result<LayoutWriter> {
        match self.writer.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(writer) => Ok(writer),
            None => begin_write(self.target, self.sync),
        }
    }

    fn needs(&self, digest: &Digest) -> bool {
        lock(&self.needs).as_ref().is_none_or(|needs| needs.needs(digest))
    }

    fn lose(&self, digest: &Digest) {
        lock(&self.needs).get_or_insert_with(|| Needs::of(self.config)).lose(digest);
    }

    fn with_writer<T>(&self, act: impl FnOnce(&LayoutWriter) -> Result<T>) -> Result<T> {
        let mut writer = lock(&self.writer);
        match &mut *writer {
            Some(writer) => act(writer),
            none => act(none.insert(begin_write(self.target, self.sync)?)),
        }
    }

    fn start(&self, source: &Source<'a>, wanted: &Wanted) -> Meter<'a> {
        Meter::start(&*source.cache.context.progress, &wanted.digest, Action::Download, wanted.size)
    }

    /// Fetches a whole blob, or opens its first range.
    fn open(&self, source: &Source<'a>, wanted: &Wanted, stop: &Stop<'_>) -> Result<Opened<'a>> {
        let cache = source.cache;
        let key = cache.options.blob_key(&wanted.digest);
        let location = cache.store.location(&key);
        let open = |limit| ResumingReader::open_first(cache.store.clone(), cache.context.clone(), key.clone(), limit);
        let parts = wanted.parts;
        let connection = self.connections.take(stop)?;
        let in_ranges = parts.count() > 1 && !wanted.whole && !source.sends_whole.load(Ordering::Relaxed);
        let mut opened = open(in_ranges.then(|| parts.range(0).end));
        let mut ranged = in_ranges;
        if in_ranges && opened.as_ref().is_ok_and(|reader| reader.as_ref().is_some_and(ResumingReader::is_whole)) {
            log::info!("{location}: the store does not do ranges, blobs are fetched whole");
            source.sends_whole.store(true, Ordering::Relaxed);
            opened = open(None);
            ranged = false;
        }
        let mut reader = match opened {
            Ok(Some(reader)) => reader,
            Ok(None) => return Ok(Opened::Ended(Outcome::Gone(format!("{location} is gone")))),
            Err(error) if ranged && refuses_ranges(&error) => return Ok(Opened::Ended(no_ranges(&location, &error))),
            Err(error) => return Ok(Opened::Ended(Outcome::of(error, &location)?)),
        };
        if reader.size() != wanted.size {
            let why = format!("{location} has {} bytes, its layer says {}", reader.size(), wanted.size);
            return Ok(Opened::Ended(Outcome::Wrong(why)));
        }
        let meter = self.start(source, wanted);
        let mut writer = self.with_writer(|writer| writer.blob(&wanted.digest, wanted.size))?;
        if ranged {
            writer.allocate()?;
            let first = (reader, connection);
            return Ok(Opened::Begun(Box::new(Begun { first, parts, writer, meter })));
        }
        let copied = reader.copy_to(stop, |chunk, _| {
            writer.write(chunk)?;
            meter.add(chunk.len() as u64);
            Ok(())
        });
        drop((reader, connection));
        Ok(Opened::Ended(match copied {
            Ok(()) => self.finish(source, wanted, writer, &meter)?,
            Err(error @ Error::Io(_)) => return Err(error),
            Err(error) => Outcome::of(error, &location)?,
        }))
    }

    fn finish(&self, source: &Source<'a>, wanted: &Wanted, writer: BlobWriter, meter: &Meter<'_>) -> Result<Outcome> {
        if writer.finish()? {
            meter.finish();
            return Ok(Outcome::Good);
        }
        let location = source.cache.store.location(&source.cache.options.blob_key(&wanted.digest));
        Ok(Outcome::Wrong(format!("{location} does not have its digest")))
    }

    /// Returns the range's reader and its connection.
    fn range(&self, ranged: &Ranged<'a>, index: usize, stop: &Stop<'_>) -> Result<(ResumingReader, Permit)> {
        let mut readers = lock(&ranged.readers);
        if let Some(first) = readers.first.take_if(|_| index == 0) {
            return Ok(first);
        }
        let another = readers.template.another(ranged.parts.range(index));
        drop(readers);
        Ok((another, self.connections.take(stop)?))
    }

    /// Decides the next step after trying a source.
    fn settle(&self, mut wanted: Wanted, outcome: Outcome) -> Next<Self> {
        match outcome {
            Outcome::Good => {
                self.streak.broken();
                if let Some(source) = self.sources.get(wanted.source).filter(|_| wanted.whole) {
                    source.sends_whole.store(true, Ordering::Relaxed);
                }
                self.transferred.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(wanted.size, Ordering::Relaxed);
                return Next::Done(Tried::Done(Fetched::Yes(wanted.digest)));
            }
            Outcome::Gone(why) => wanted.reasons.push(why),
            Outcome::NoRanges => {
                wanted.whole = true;
                return Next::Again(wanted);
            }
            Outcome::Wrong(why) => return Next::Again(wanted.once_more(why)),
            Outcome::Failed(error) => {
                wanted.error.get_or_insert(error);
            }
        }
        Next::Again(wanted.next_source())
    }

    /// Decides the next step after all sources have failed.
    fn exhausted(&self, mut wanted: Wanted) -> Tried<Wanted, Fetched> {
        let Some(error) = wanted.error.take() else {
            self.streak.broken();
            self.lose(&wanted.digest);
            return Tried::Done(Fetched::Lost(Box::new((wanted.digest, wanted.reasons.join(", ")))));
        };
        if self.streak.failed() && !self.answers() {
            self.streak.trip();
        }
        // A refused blob, or one whose range failed despite repetitions, gets one more round.
        let again = (passes(&error) && !wanted.persisted) || !std::mem::replace(&mut wanted.given_up, true);
        Tried::failed(wanted.anew(), error, again)
    }

    /// Returns whether no other source is left to try.
    fn is_last(&self, wanted: &Wanted) -> bool {
        wanted.source + 1 == self.sources.len()
    }
}

fn begin_write(target: &LocalCache, sync: bool) -> Result<LayoutWriter> {
    let writer = target.begin_write()?;
    Ok(if sync { writer.sync() } else { writer })
}

fn no_ranges(location: &str, error: &Error) -> Outcome {
    log::info!("{location}: a range is refused, fetching the blob whole: {error}");
    Outcome::NoRanges
}

fn fetch(ranged: &Ranged<'_>, reader: &mut ResumingReader, stop: &Stop<'_>) -> Result<()> {
    let mut written = reader.position();
    reader.copy_to(stop, |chunk, position| {
        ranged.writer.write_at(written, chunk)?;
        written = position;
        ranged.meter.add(chunk.len() as u64);
        // The blob has already failed, so the other ranges are useless.
        if lock(&ranged.error).is_some() { Err(Error::Cancelled) } else { Ok(()) }
    })
}

impl<'a> Work for Fetcher<'a> {
    type Job = Wanted;
    type Open = Ranged<'a>;
    type Done = Tried<Wanted, Fetched>;

    fn begin(&self, wanted: Wanted, stop: &Stop<'_>) -> Result<Next<Self>> {
        stop.check()?;
        if self.streak.is_tripped() {
            return Ok(Next::Done(Tried::Untried(Box::new(wanted))));
        }
        if !self.needs(&wanted.digest) {
            return Ok(Next::Done(Tried::Done(Fetched::Unneeded)));
        }
        let Some(source) = self.sources.get(wanted.source) else {
            return Ok(Next::Done(self.exhausted(wanted)));
        };
        match self.open(source, &wanted, stop)? {
            Opened::Begun(begun) => {
                let Begun { first, parts, writer, meter } = *begun;
                let readers = Mutex::new(Readers { template: first.0.another(0..0), first: Some(first) });
                let (chunks, error) = (parts.count(), Mutex::new(None));
                Ok(Next::Chunks(Ranged { wanted, readers, parts, writer, meter, error }, chunks))
            }
            Opened::Ended(outcome) => Ok(self.settle(wanted, outcome)),
        }
    }

    fn chunk(&self, ranged: &Ranged<'a>, index: usize, stop: &Stop<'_>) -> Result<()> {
        let Some(source) = self.sources.get(ranged.wanted.source) else { return Ok(()) };
        let (mut reader, connection) = self.range(ranged, index, stop)?;
        let mut connection = Some(connection);
        // Otherwise the blob would have to start over. If another source may have it, try that one instead.
        let may_pass = |error: &Error| passes(error) && !refuses_ranges(error) && self.is_last(&ranged.wanted);
        let fetched = persist(&source.cache.context, may_pass, || {
            let _connection = connection.take().map_or_else(|| self.connections.take(stop), Ok)?;
            if lock(&ranged.error).is_some() {
                return Err(Error::Cancelled);
            }
            match fetch(ranged, &mut reader, stop) {
                Err(error) if !may_pass(&error) && !matches!(error, Error::Io(_)) => {
                    stop.check()?;
                    // Recorded before the connection is released, so that it is not wasted on another range.
                    lock(&ranged.error).get_or_insert(error);
                    Err(Error::Cancelled)
                }
                fetched => fetched,
            }
        });
        drop(reader);
        match fetched {
            Ok(()) => ranged.writer.catch_up(),
            Err(error @ Error::Io(_)) => Err(error),
            Err(error) => {
                stop.check()?;
                lock(&ranged.error).get_or_insert(error);
                Ok(())
            }
        }
    }

    fn end(&self, ranged: Ranged<'a>, stop: &Stop<'_>) -> Result<Next<Self>> {
        stop.check()?;
        let Ranged { mut wanted, writer, meter, error, .. } = ranged;
        let Some(source) = self.sources.get(wanted.source) else { return Ok(Next::Again(wanted)) };
        let location = source.cache.store.location(&source.cache.options.blob_key(&wanted.digest));
        let outcome = match error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) if refuses_ranges(&error) => no_ranges(&location, &error),
            Some(error) => {
                wanted.persisted |= self.is_last(&wanted) && passes(&error);
                Outcome::of(error, &location)?
            }
            None => self.finish(source, &wanted, writer, &meter)?,
        };
        Ok(self.settle(wanted, outcome))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
