//! Fetches the blobs of an import, each whole or in ranges.

use std::sync::atomic::Ordering;

use crate::base::{Error, Result, log_blob};
use crate::object::ObjectStore;
use crate::ops::cache::S3Cache;
use crate::ops::import::fetcher::{FetchedFile, Fetcher, NextFetch, Source};
use crate::ops::import::ranged::Ranged;
use crate::ops::import::wanted::{Fetched, Outcome, Wanted};
use crate::ops::rounds::{self, Tried, Work};
use crate::transfer::{Next, Run};

impl<'a> Fetcher<'a> {
    /// Fetches the blobs and passes the outcome of each to `done`. Those that fail are tried again after the others.
    ///
    /// # Errors
    /// If the operation was cancelled or the directory cannot be written.
    pub(super) fn fetch(
        &self,
        first: &S3Cache,
        wanted: Vec<Wanted>,
        done: &mut (dyn FnMut(Fetched) + Send),
    ) -> Result<rounds::Left<Wanted>> {
        // Fail before fetching anything if the directory cannot be written.
        self.with_writer(|_| Ok(()))?;
        let start = |wanted, run: &Run<'_>| self.start(wanted, run);
        let work = Work { splits: Wanted::splits, start: &start, done };
        rounds::run(first, &mut wanted.into_iter(), &self.streak, work)
    }

    fn start<'s>(&'s self, mut wanted: Wanted, run: &Run<'_>) -> Result<NextFetch<'s>> {
        run.check()?;
        if !self.needs(&wanted.digest) {
            log_blob(&wanted.digest, wanted.size, "skipped", "needed only by layers that are dropped", None);
            return Ok(Next::Done(Tried::Done(Fetched::Unneeded)));
        }
        let Some(source) = self.source(&wanted) else { return Ok(Next::Done(self.exhausted(wanted))) };
        wanted.begun = source.cache.context.clock.monotonic();
        if !wanted.splits() {
            let outcome = self.fetch_whole(source, &wanted, run)?;
            return Ok(self.settle(wanted, outcome));
        }
        if source.sends_whole.load(Ordering::Relaxed) {
            wanted.whole = true;
            return Ok(Next::Again(wanted));
        }
        Ok(Next::Split(Box::new(Ranged::new(self, source, wanted))))
    }

    fn fetch_whole(&self, source: &Source<'a>, wanted: &Wanted, run: &Run<'_>) -> Result<Outcome> {
        let key = source.cache.keys.blob(&wanted.digest);
        let location = source.cache.store.location(&key);
        let mut reader = match source.cache.open_object(key) {
            Ok(Some(reader)) => reader,
            Ok(None) => return Ok(Outcome::gone(&location)),
            Err(error) => return Outcome::of(error, &location),
        };
        if reader.size() != wanted.size {
            return Ok(Outcome::wrong_size(&location, reader.size(), wanted.size));
        }
        let FetchedFile { mut writer, meter } = self.begin(source, wanted)?;
        let copied = reader.copy_to(run, |chunk, _| {
            writer.write(chunk)?;
            meter.add(chunk.len() as u64);
            Ok(())
        });
        drop(reader);
        match copied {
            Ok(()) => self.finish(source, wanted, FetchedFile { writer, meter }),
            Err(error @ Error::Io(_)) => Err(error),
            Err(error) => Outcome::of(error, &location),
        }
    }
}
