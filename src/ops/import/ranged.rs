//! Fetches a large blob in ranges, on several connections.

use std::sync::Mutex;

use crate::base::{Error, Result, Unpoisoned as _};
use crate::layout::BlobWriter;
use crate::object::ObjectStore;
use crate::ops::import::fetcher::{Fetcher, NextFetch, no_ranges};
use crate::ops::import::wanted::{Fetched, Outcome, Wanted};
use crate::ops::meter::Meter;
use crate::ops::persist::persist;
use crate::ops::rounds::Tried;
use crate::store::ResumingReader;
use crate::transfer::{Next, Run, Split};

/// A blob that is fetched in ranges.
pub(super) struct Ranged<'a> {
    fetcher: &'a Fetcher<'a>,
    wanted: Wanted,
    readers: Mutex<Readers>,
    writer: BlobWriter,
    meter: Meter<'a>,
    /// The error of a failed range.
    error: Mutex<Option<Error>>,
}

struct Readers {
    /// The first range, already open, until it is read.
    first: Option<ResumingReader>,
    /// The reader that those of the other ranges are created from.
    template: ResumingReader,
}

impl<'a> Ranged<'a> {
    /// Prepares the other ranges of a blob whose first range is open.
    pub(super) fn new(
        fetcher: &'a Fetcher<'a>,
        wanted: Wanted,
        first: ResumingReader,
        writer: BlobWriter,
        meter: Meter<'a>,
    ) -> Self {
        let readers = Mutex::new(Readers { template: first.another(0..0), first: Some(first) });
        Self { fetcher, wanted, readers, writer, meter, error: Mutex::new(None) }
    }

    fn reader(&self, index: usize) -> ResumingReader {
        let mut readers = self.readers.lock().unpoisoned();
        let first = readers.first.take_if(|_| index == 0);
        first.unwrap_or_else(|| readers.template.another(self.wanted.parts.range(index)))
    }

    fn has_failed(&self) -> bool {
        self.error.lock().unpoisoned().is_some()
    }

    fn fail(&self, error: Error) {
        self.error.lock().unpoisoned().get_or_insert(error);
    }

    fn copy(&self, reader: &mut ResumingReader, run: &Run<'_>) -> Result<()> {
        let mut written = reader.position();
        reader.copy_to(run, |chunk, position| {
            self.writer.write_at(written, chunk)?;
            written = position;
            self.meter.add(chunk.len() as u64);
            // The blob has already failed, so the other ranges are useless.
            if self.has_failed() { Err(Error::Cancelled) } else { Ok(()) }
        })
    }
}

impl<'a> Split<'a, Wanted, Tried<Wanted, Fetched>> for Ranged<'a> {
    fn parts(&self) -> usize {
        self.wanted.parts.count()
    }

    fn part(&self, index: usize, run: &Run<'_>) -> Result<()> {
        let Some(source) = self.fetcher.source(&self.wanted) else { return Ok(()) };
        let mut reader = self.reader(index);
        // Otherwise the blob would have to start over. If another source may have it, try that one instead.
        let may_pass =
            |error: &Error| error.is_transient() && !error.may_concern_range() && self.fetcher.is_last(&self.wanted);
        let fetched = persist(&source.cache.context, may_pass, || {
            if self.has_failed() { Err(Error::Cancelled) } else { self.copy(&mut reader, run) }
        });
        drop(reader);
        match fetched {
            Ok(()) => self.writer.catch_up(),
            Err(error @ Error::Io(_)) => Err(error),
            Err(error) => {
                run.check()?;
                self.fail(error);
                Ok(())
            }
        }
    }

    fn finish(self: Box<Self>, run: &Run<'_>) -> Result<NextFetch<'a>> {
        run.check()?;
        let Self { fetcher, mut wanted, writer, meter, error, .. } = *self;
        let Some(source) = fetcher.source(&wanted) else { return Ok(Next::Again(wanted)) };
        let location = source.cache.store.location(&source.cache.keys.blob(&wanted.digest));
        let outcome = match error.into_inner().unpoisoned() {
            Some(error) if error.may_concern_range() => no_ranges(&location, &error),
            Some(error) => {
                wanted.persisted |= fetcher.is_last(&wanted) && error.is_transient();
                Outcome::of(error, &location)?
            }
            None => fetcher.finish(source, &wanted, writer, &meter)?,
        };
        Ok(fetcher.settle(wanted, outcome))
    }
}
