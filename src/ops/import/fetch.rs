//! Fetches the blobs of an import, each whole or in ranges.

use std::sync::atomic::Ordering;

use crate::base::{Action, Error, Result};
use crate::layout::BlobWriter;
use crate::object::ObjectStore;
use crate::ops::cache::S3Cache;
use crate::ops::import::fetcher::{Fetcher, NextFetch, Source, no_ranges};
use crate::ops::import::ranged::Ranged;
use crate::ops::import::wanted::{Fetched, Outcome, Wanted};
use crate::ops::meter::Meter;
use crate::ops::rounds::{self, Tried};
use crate::store::ResumingReader;
use crate::transfer::{Next, Run};

/// A whole blob, or one whose first range is open.
enum OpenedBlob<'a> {
    Ended(Outcome),
    Begun(Box<(ResumingReader, BlobWriter, Meter<'a>)>),
}

impl<'a> Fetcher<'a> {
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

    fn meter(&self, source: &Source<'a>, wanted: &Wanted) -> Meter<'a> {
        Meter::start(&*source.cache.context.progress, &wanted.digest, Action::Download, wanted.size)
    }

    fn start<'s>(&'s self, wanted: Wanted, run: &Run<'_>) -> Result<NextFetch<'s>> {
        run.check()?;
        if !self.needs(&wanted.digest) {
            return Ok(Next::Done(Tried::Done(Fetched::Unneeded)));
        }
        let Some(source) = self.source(&wanted) else { return Ok(Next::Done(self.exhausted(wanted))) };
        match self.open(source, &wanted, run)? {
            OpenedBlob::Begun(begun) => {
                let (first, writer, meter) = *begun;
                Ok(Next::Split(Box::new(Ranged::new(self, wanted, first, writer, meter))))
            }
            OpenedBlob::Ended(outcome) => Ok(self.settle(wanted, outcome)),
        }
    }

    /// Fetches a whole blob, or opens its first range.
    fn open(&self, source: &Source<'a>, wanted: &Wanted, run: &Run<'_>) -> Result<OpenedBlob<'a>> {
        let cache = source.cache;
        let key = cache.keys.blob(&wanted.digest);
        let location = cache.store.location(&key);
        let open = |limit| cache.open_object(key.clone(), limit);
        let parts = wanted.parts;
        let in_ranges = parts.count() > 1 && !wanted.whole && !source.sends_whole.load(Ordering::Relaxed);
        let mut opened = open(in_ranges.then(|| parts.range(0).end));
        let mut ranged = in_ranges;
        if in_ranges && opened.as_ref().is_ok_and(|reader| reader.as_ref().is_some_and(ResumingReader::is_whole)) {
            log::info!("{location}: the store does not support ranges; fetching blobs whole");
            source.sends_whole.store(true, Ordering::Relaxed);
            // Close its connection before opening another one.
            drop(opened);
            opened = open(None);
            ranged = false;
        }
        let mut reader = match opened {
            Ok(Some(reader)) => reader,
            Ok(None) => return Ok(OpenedBlob::Ended(Outcome::Gone(format!("{location} is gone")))),
            Err(error) if ranged && error.may_concern_range() => {
                return Ok(OpenedBlob::Ended(no_ranges(&location, &error)));
            }
            Err(error) => return Ok(OpenedBlob::Ended(Outcome::of(error, &location)?)),
        };
        if reader.size() != wanted.size {
            let why = format!("{location} has {} bytes instead of {}", reader.size(), wanted.size);
            return Ok(OpenedBlob::Ended(Outcome::Wrong(why)));
        }
        let meter = self.meter(source, wanted);
        let mut writer = self.with_writer(|writer| writer.blob(&wanted.digest, wanted.size))?;
        if ranged {
            writer.allocate()?;
            return Ok(OpenedBlob::Begun(Box::new((reader, writer, meter))));
        }
        let copied = reader.copy_to(run, |chunk, _| {
            writer.write(chunk)?;
            meter.add(chunk.len() as u64);
            Ok(())
        });
        drop(reader);
        Ok(OpenedBlob::Ended(match copied {
            Ok(()) => self.finish(source, wanted, writer, &meter)?,
            Err(error @ Error::Io(_)) => return Err(error),
            Err(error) => Outcome::of(error, &location)?,
        }))
    }
}
