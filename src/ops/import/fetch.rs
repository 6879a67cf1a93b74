//! Fetches the blobs of an import: chooses the source, the number of attempts, and whole or ranged requests.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::{Action, Digest, Error, Result};
use crate::cache_config::CacheConfig;
use crate::layout::{BlobWriter, LayoutWriter, LocalCache};
use crate::object::{GetOptions, ObjectStore};
use crate::ops::cache::S3Cache;
use crate::ops::import::needs::Needs;
use crate::ops::import::ranged::Ranged;
use crate::ops::import::wanted::{Fetched, Outcome, Wanted};
use crate::ops::lock;
use crate::ops::meter::Meter;
use crate::ops::persist::{passes, persist};
use crate::ops::resume::{ResumingReader, refuses_ranges};
use crate::ops::rounds::{self, Streak, Tried};
use crate::transfer::{Next, Run};

/// What follows for a blob.
pub(super) type Step<'a> = Next<'a, Wanted, Tried<Wanted, Fetched>>;

/// Fetches the blobs of one import.
pub(super) struct Fetcher<'a> {
    sources: Vec<Source<'a>>,
    target: &'a LocalCache,
    /// Created by [`begin`](Self::begin).
    writer: Mutex<Option<LayoutWriter>>,
    /// Whether every blob must be on disk before the index refers to it.
    sync: bool,
    config: &'a CacheConfig,
    /// Created when the first blob is lost.
    needs: Mutex<Option<Needs>>,
    streak: Streak,
    transferred: AtomicUsize,
    bytes: AtomicU64,
}

pub(super) struct Source<'a> {
    pub(super) cache: &'a S3Cache,
    /// The source refuses ranges, or sends the whole object for each, which would transfer a blob once per range.
    sends_whole: AtomicBool,
}

/// A whole blob, or one whose first range is open.
enum Opened<'a> {
    Ended(Outcome),
    Begun(Box<(ResumingReader, BlobWriter, Meter<'a>)>),
}

impl<'a> Fetcher<'a> {
    /// Creates a fetcher for the blobs of `config`.
    pub(super) fn new(sources: &[&'a S3Cache], target: &'a LocalCache, config: &'a CacheConfig, sync: bool) -> Self {
        let source = |cache: &&'a S3Cache| Source { cache, sends_whole: AtomicBool::new(false) };
        Self {
            sources: sources.iter().map(source).collect(),
            target,
            writer: Mutex::new(None),
            sync,
            config,
            needs: Mutex::new(None),
            streak: Streak::default(),
            transferred: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Fetches the blobs and passes the outcome of each to `done`. Those that fail are tried again after the others.
    ///
    /// # Errors
    /// If the operation was cancelled or the directory cannot be written.
    pub(super) fn fetch(
        &self,
        first: &S3Cache,
        wanted: Vec<Wanted>,
        done: impl FnMut(Fetched) + Send,
    ) -> Result<rounds::Left<Wanted>> {
        // Fail before fetching anything if the directory cannot be written.
        self.with_writer(|_| Ok(()))?;
        let start = |wanted, run: &Run<'_>| self.start(wanted, run);
        rounds::run(first, wanted.into_iter(), &self.streak, start, done)
    }

    /// Returns the number and total size of the blobs fetched so far.
    pub(super) fn arrived(&self) -> (usize, u64) {
        (self.transferred.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// Returns whether any source still returns a manifest. If so, its other refusals and failures concern single
    /// blobs.
    pub(super) fn answers(&self) -> bool {
        self.sources.iter().any(|Source { cache, .. }| {
            cache.options.keys().names.iter().any(|name| {
                let (key, first_byte) = (cache.keys.manifest(name), GetOptions::range(0..1));
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

    fn meter(&self, source: &Source<'a>, wanted: &Wanted) -> Meter<'a> {
        Meter::start(&*source.cache.context.progress, &wanted.digest, Action::Download, wanted.size)
    }

    /// Returns the source to try next.
    pub(super) fn source(&self, wanted: &Wanted) -> Option<&Source<'a>> {
        self.sources.get(wanted.source)
    }

    fn start<'s>(&'s self, wanted: Wanted, run: &Run<'_>) -> Result<Step<'s>> {
        run.check()?;
        if !self.needs(&wanted.digest) {
            return Ok(Next::Done(Tried::Done(Fetched::Unneeded)));
        }
        let Some(source) = self.source(&wanted) else { return Ok(Next::Done(self.exhausted(wanted))) };
        match self.open(source, &wanted, run)? {
            Opened::Begun(begun) => {
                let (first, writer, meter) = *begun;
                Ok(Next::Split(Box::new(Ranged::new(self, wanted, first, writer, meter))))
            }
            Opened::Ended(outcome) => Ok(self.settle(wanted, outcome)),
        }
    }

    /// Fetches a whole blob, or opens its first range.
    fn open(&self, source: &Source<'a>, wanted: &Wanted, run: &Run<'_>) -> Result<Opened<'a>> {
        let cache = source.cache;
        let key = cache.keys.blob(&wanted.digest);
        let location = cache.store.location(&key);
        let open = |limit| ResumingReader::open_first(cache.store.clone(), cache.context.clone(), key.clone(), limit);
        let parts = wanted.parts;
        let in_ranges = parts.count() > 1 && !wanted.whole && !source.sends_whole.load(Ordering::Relaxed);
        let mut opened = open(in_ranges.then(|| parts.range(0).end));
        let mut ranged = in_ranges;
        if in_ranges && opened.as_ref().is_ok_and(|reader| reader.as_ref().is_some_and(ResumingReader::is_whole)) {
            log::info!("{location}: the store does not do ranges, blobs are fetched whole");
            source.sends_whole.store(true, Ordering::Relaxed);
            // Closes its connection first.
            drop(opened);
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
        let meter = self.meter(source, wanted);
        let mut writer = self.with_writer(|writer| writer.blob(&wanted.digest, wanted.size))?;
        if ranged {
            writer.allocate()?;
            return Ok(Opened::Begun(Box::new((reader, writer, meter))));
        }
        let copied = reader.copy_to(run, |chunk, _| {
            writer.write(chunk)?;
            meter.add(chunk.len() as u64);
            Ok(())
        });
        drop(reader);
        Ok(Opened::Ended(match copied {
            Ok(()) => self.finish(source, wanted, writer, &meter)?,
            Err(error @ Error::Io(_)) => return Err(error),
            Err(error) => Outcome::of(error, &location)?,
        }))
    }

    pub(super) fn finish(
        &self,
        source: &Source<'_>,
        wanted: &Wanted,
        writer: BlobWriter,
        meter: &Meter<'_>,
    ) -> Result<Outcome> {
        if writer.finish()? {
            meter.finish();
            return Ok(Outcome::Good);
        }
        let location = source.cache.store.location(&source.cache.keys.blob(&wanted.digest));
        Ok(Outcome::Wrong(format!("{location} does not have its digest")))
    }

    /// Decides the next step after trying a source.
    pub(super) fn settle<'s>(&self, mut wanted: Wanted, outcome: Outcome) -> Step<'s> {
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
    pub(super) fn is_last(&self, wanted: &Wanted) -> bool {
        wanted.source + 1 == self.sources.len()
    }
}

fn begin_write(target: &LocalCache, sync: bool) -> Result<LayoutWriter> {
    let writer = target.begin_write()?;
    Ok(if sync { writer.sync() } else { writer })
}

pub(super) fn no_ranges(location: &str, error: &Error) -> Outcome {
    log::info!("{location}: a range is refused, fetching the blob whole: {error}");
    Outcome::NoRanges
}
