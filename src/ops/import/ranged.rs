//! Fetches a large blob in ranges, on several connections.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::base::{Error, ErrorKind, Result, Unpoisoned as _};
use crate::object::ObjectStore;
use crate::ops::import::fetcher::{FetchedFile, Fetcher, NextFetch, Source};
use crate::ops::import::wanted::{Fetched, Outcome, Wanted};
use crate::ops::persist::persist;
use crate::ops::rounds::Tried;
use crate::store::ResumingReader;
use crate::transfer::{Run, Split};

/// A blob that is fetched in ranges.
pub(super) struct Ranged<'a> {
    fetcher: &'a Fetcher<'a>,
    source: &'a Source<'a>,
    wanted: Wanted,
    /// The reader that those of the ranges are created from; locked only meanwhile.
    template: Mutex<ResumingReader>,
    /// Created once the source sends the first range.
    file: OnceLock<FetchedFile<'a>>,
    creating: Mutex<()>,
    failure: Mutex<Option<Outcome>>,
    /// A range has failed with a transient error, despite repetitions.
    retried: AtomicBool,
}

impl<'a> Ranged<'a> {
    /// Prepares to fetch a blob in ranges. Sends nothing.
    pub(super) fn new(fetcher: &'a Fetcher<'a>, source: &'a Source<'a>, wanted: Wanted) -> Self {
        Self {
            fetcher,
            source,
            template: Mutex::new(source.cache.reader(source.cache.keys.blob(&wanted.digest))),
            wanted,
            file: OnceLock::new(),
            creating: Mutex::default(),
            failure: Mutex::default(),
            retried: AtomicBool::new(false),
        }
    }

    fn has_failed(&self) -> bool {
        self.failure.lock().unpoisoned().is_some()
    }

    fn fail(&self, outcome: Outcome, run: &Run<'_>) {
        self.failure.lock().unpoisoned().get_or_insert(outcome);
        run.notify();
    }

    fn file(&self) -> Result<&FetchedFile<'a>> {
        let _creating = self.creating.lock().unpoisoned();
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let file = self.fetcher.begin(self.source, &self.wanted)?;
        file.writer.allocate()?;
        Ok(self.file.get_or_init(|| file))
    }

    /// Fetches a range. Returns why the blob has failed, if it has.
    fn fetch(&self, reader: &mut ResumingReader, run: &Run<'_>) -> Result<Option<Outcome>> {
        // The blob has already failed, so the other ranges are useless.
        if self.has_failed() {
            return Ok(None);
        }
        if !reader.open()? {
            return Ok(Some(Outcome::gone(&reader.location())));
        }
        if reader.is_whole() {
            log::info!("{}: the store does not support ranges; fetching blobs whole", reader.location());
            self.source.sends_whole.store(true, Ordering::Relaxed);
            return Ok(Some(Outcome::NoRanges));
        }
        if reader.size() != self.wanted.size {
            return Ok(Some(Outcome::wrong_size(&reader.location(), reader.size(), self.wanted.size)));
        }
        let FetchedFile { writer, meter } = self.file()?;
        if !self.source.sends_ranges.swap(true, Ordering::Relaxed) {
            run.notify();
        }
        let mut written = reader.position();
        let copied = reader.copy_to(run, |chunk, position| {
            let write = || writer.write_at(written, chunk);
            // While the processors are the bottleneck, every connection has bytes waiting. Those that are hashed next go
            // first: all others are read back later.
            if writer.hashes_next(written) { run.compute_first(write) } else { run.compute(write) }?;
            written = position;
            meter.add(chunk.len() as u64);
            if self.has_failed() { Err(Error::Cancelled) } else { Ok(()) }
        });
        if copied.is_err() && self.has_failed() { Ok(None) } else { copied.map(|()| None) }
    }

    /// Returns whether to repeat a range that failed: otherwise the blob would have to start over. If the source has
    /// sent nothing of the blob, or another source may have it, the others go first.
    fn should_repeat(&self, error: &Error) -> bool {
        self.file.get().is_some()
            && error.is_transient()
            && !error.may_concern_range()
            && self.fetcher.is_last(&self.wanted)
    }

    fn failure(&self, error: Error, location: &str) -> Result<Outcome> {
        // A proxy that removes the range from a signed request makes it invalid.
        let never_sent = !self.source.sends_ranges.load(Ordering::Relaxed);
        if error.may_concern_range() || (never_sent && error.kind() == ErrorKind::Access) {
            log::info!("{location}: the store refuses a range; fetching the blob whole: {error}");
            return Ok(Outcome::NoRanges);
        }
        if self.should_repeat(&error) {
            self.retried.store(true, Ordering::Relaxed);
        }
        Outcome::of(error, location)
    }
}

impl<'a> Split<'a, Wanted, Tried<Wanted, Fetched>> for Ranged<'a> {
    fn parts(&self) -> usize {
        self.wanted.parts.count()
    }

    fn part(&self, index: usize, run: &Run<'_>) -> Result<()> {
        if index > 0 {
            // Until the source has sent a range, it may send the whole blob for each.
            let ready = || self.source.sends_ranges.load(Ordering::Relaxed) || self.has_failed();
            run.wait_for(|| ready().then_some(()))?;
        }
        let mut reader = self.template.lock().unpoisoned().another(self.wanted.parts.range(index));
        let context = &self.source.cache.context;
        let fetched = persist(context, |error| self.should_repeat(error), || self.fetch(&mut reader, run));
        let location = reader.location();
        drop(reader);
        match fetched {
            Ok(None) if self.has_failed() => Ok(()),
            Ok(None) => {
                self.fetcher.streak.succeeded();
                self.file.get().map_or(Ok(()), |file| run.compute_first(|| file.writer.catch_up()))
            }
            Ok(Some(outcome)) => {
                self.fail(outcome, run);
                Ok(())
            }
            Err(error @ Error::Io(_)) => Err(error),
            Err(error) => {
                run.check()?;
                self.fail(self.failure(error, &location)?, run);
                Ok(())
            }
        }
    }

    fn finish(self: Box<Self>, run: &Run<'_>) -> Result<NextFetch<'a>> {
        run.check()?;
        let Self { fetcher, source, mut wanted, file, failure, retried, .. } = *self;
        wanted.retried |= retried.into_inner();
        let outcome = match (failure.into_inner().unpoisoned(), file.into_inner()) {
            (Some(outcome), _) => outcome,
            (None, Some(file)) => fetcher.finish(source, &wanted, file)?,
            (None, None) => Outcome::gone(&source.cache.store.location(&source.cache.keys.blob(&wanted.digest))),
        };
        Ok(fetcher.settle(wanted, outcome))
    }
}
