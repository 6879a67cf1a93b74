//! What the threads of an import share, and the decisions about a blob after each attempt.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::base::{Action, Digest, Error, Result, Unpoisoned as _, log_blob};
use crate::cache_config::CacheConfig;
use crate::layout::{BlobWriter, LayoutWriter, LocalCache};
use crate::object::{GetOptions, ObjectStore};
use crate::ops::cache::S3Cache;
use crate::ops::import::wanted::{ABSENT, Fetched, Outcome, Wanted};
use crate::ops::meter::Meter;
use crate::ops::needs::Needs;
use crate::ops::persist::persist;
use crate::ops::rounds::{Streak, Tried};
use crate::transfer::Next;

/// What to do with a blob next, or its outcome.
pub(super) type NextFetch<'a> = Next<'a, Wanted, Tried<Wanted, Fetched>>;

/// Fetches the blobs of one import.
pub(super) struct Fetcher<'a> {
    sources: Vec<Source<'a>>,
    target: &'a LocalCache,
    /// Created by [`with_writer`](Self::with_writer).
    writer: Mutex<Option<LayoutWriter>>,
    /// Whether every blob must be on disk before the index refers to it.
    sync: bool,
    config: &'a CacheConfig,
    /// Created when the first blob is lost.
    needs: Mutex<Option<Needs>>,
    pub(super) streak: Streak,
    transferred: AtomicUsize,
    bytes: AtomicU64,
}

/// A cache that blobs are fetched from.
pub(super) struct Source<'a> {
    pub(super) cache: &'a S3Cache,
    /// The source refuses ranges, or sends the whole object for each, which would transfer a blob once per range.
    pub(super) sends_whole: AtomicBool,
    /// The source has sent a range.
    pub(super) sends_ranges: AtomicBool,
}

/// A blob that is being written to the directory.
pub(super) struct FetchedFile<'a> {
    pub(super) writer: BlobWriter,
    pub(super) meter: Meter<'a>,
}

impl<'a> Fetcher<'a> {
    /// Creates a fetcher for the blobs of `config`.
    pub(super) fn new(sources: &[&'a S3Cache], target: &'a LocalCache, config: &'a CacheConfig, sync: bool) -> Self {
        let source = |cache: &&'a S3Cache| Source {
            cache,
            sends_whole: AtomicBool::new(false),
            sends_ranges: AtomicBool::new(false),
        };
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
                matches!(
                    persist(&cache.context, Error::is_transient, || cache.store.get(&key, &first_byte)),
                    Ok(Some(_))
                )
            })
        })
    }

    /// Returns the writer to commit the fetched blobs with.
    ///
    /// # Errors
    /// If the directory cannot be written.
    pub(super) fn into_writer(self) -> Result<LayoutWriter> {
        match self.writer.into_inner().unpoisoned() {
            Some(writer) => Ok(writer),
            None => begin_write(self.target, self.sync),
        }
    }

    pub(super) fn needs(&self, digest: &Digest) -> bool {
        self.needs.lock().unpoisoned().as_ref().is_none_or(|needs| needs.needs(digest))
    }

    fn lose(&self, digest: &Digest) {
        self.needs.lock().unpoisoned().get_or_insert_with(|| Needs::of(self.config)).lose(digest);
    }

    pub(super) fn with_writer<T>(&self, act: impl FnOnce(&LayoutWriter) -> Result<T>) -> Result<T> {
        let mut writer = self.writer.lock().unpoisoned();
        match &mut *writer {
            Some(writer) => act(writer),
            none => act(none.insert(begin_write(self.target, self.sync)?)),
        }
    }

    /// Returns the source to try next.
    pub(super) fn source(&self, wanted: &Wanted) -> Option<&Source<'a>> {
        self.sources.get(wanted.source)
    }

    /// Creates the file of a blob that the source has begun to send.
    pub(super) fn begin(&self, source: &Source<'a>, wanted: &Wanted) -> Result<FetchedFile<'a>> {
        let writer = self.with_writer(|writer| writer.blob(&wanted.digest, wanted.size))?;
        let progress = &*source.cache.context.progress;
        Ok(FetchedFile { writer, meter: Meter::start(progress, &wanted.digest, Action::Download, wanted.size) })
    }

    pub(super) fn finish(&self, source: &Source<'_>, wanted: &Wanted, file: FetchedFile<'_>) -> Result<Outcome> {
        if file.writer.finish()? {
            file.meter.finish();
            return Ok(Outcome::Good);
        }
        let location = source.cache.store.location(&source.cache.keys.blob(&wanted.digest));
        Ok(Outcome::Wrong(format!("{location} does not match its digest")))
    }

    /// Decides the next step after trying a source.
    pub(super) fn settle<'s>(&self, mut wanted: Wanted, outcome: Outcome) -> NextFetch<'s> {
        match outcome {
            Outcome::Good => {
                self.streak.succeeded();
                if let Some(source) = self.sources.get(wanted.source).filter(|_| wanted.whole) {
                    source.sends_whole.store(true, Ordering::Relaxed);
                }
                self.transferred.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(wanted.size, Ordering::Relaxed);
                self.log(&wanted);
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

    fn log(&self, wanted: &Wanted) {
        let Some(Source { cache, .. }) = self.sources.get(wanted.source) else { return };
        let took = cache.context.clock.monotonic().saturating_sub(wanted.begun);
        log_blob(&wanted.digest, wanted.size, "downloaded", ABSENT, Some(took));
    }

    /// Decides the next step after all sources have failed.
    pub(super) fn exhausted(&self, mut wanted: Wanted) -> Tried<Wanted, Fetched> {
        let Some(error) = wanted.error.take() else {
            self.streak.succeeded();
            self.lose(&wanted.digest);
            return Tried::Done(Fetched::Lost(Box::new((wanted.digest, wanted.reasons.join(", ")))));
        };
        if self.streak.failed() && (self.streak.is_long() || !self.answers()) {
            self.streak.trip();
        }
        // A refused blob, or one whose range failed despite repetitions, gets one more round.
        let again = (error.is_transient() && !wanted.retried) || !std::mem::replace(&mut wanted.given_up, true);
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
