//! Sends the blobs of an export: uploads each whole or in parts, touches it, or reads it back.

use crate::base::{Action, Error, Event, Result};
use crate::object::ObjectStore;
use crate::ops::export::multipart::Multipart;
use crate::ops::export::payload::check_source;
use crate::ops::export::plan::{Job, OLD, Step};
use crate::ops::export::sender::{NextSend, Sender};
use crate::ops::export::touch::Touched;
use crate::ops::meter::PartMeter;
use crate::ops::persist::{is_damaged, persist};
use crate::ops::rounds::{self, Work};
use crate::transfer::{Next, Run};

impl Sender<'_> {
    /// Runs all jobs. Those that fail with a transient error are tried again after the others.
    ///
    /// # Errors
    /// The first error that persists. A failed touch is only a warning.
    pub(in crate::ops) fn send(&self, jobs: Vec<Job>) -> Result<()> {
        let uploads = jobs.iter().filter(|job| job.step == Step::Upload);
        let (blobs, bytes) = uploads.fold((0, 0), |(blobs, bytes), job| (blobs + 1, job.size.saturating_add(bytes)));
        self.cache.context.progress.event(&Event::Planned { blobs, bytes });
        let start = |job, run: &Run<'_>| self.start(job, run);
        let work = Work { splits: Job::splits, start: &start, done: &mut |()| () };
        let failed = rounds::run(self.cache, &mut jobs.into_iter(), &self.streak, work)?;
        let (touches, others): (Vec<_>, Vec<_>) =
            failed.into_iter().partition(|(job, error)| job.step == Step::Touch && error.is_some());
        if !others.is_empty() {
            return Err(rounds::first_error(others).or(rounds::first_error(touches)).unwrap_or(Error::Cancelled));
        }
        if let Some(error) = rounds::first_error(touches) {
            self.touches.refuse(self.cache, &error);
        }
        Ok(())
    }

    fn upload<'s>(&'s self, job: Job, run: &Run<'_>) -> Result<NextSend<'s>> {
        if let Some(parts) = job.parts {
            return Ok(Next::Split(Box::new(Multipart::new(self, job, parts)?)));
        }
        self.put(&job, run)?;
        Ok(self.uploaded(&job))
    }

    /// Returns whether the blob in the store matches its digest.
    fn verify(&self, job: &Job, run: &Run<'_>) -> Result<bool> {
        let (cache, key) = (self.cache, self.key(&job.digest));
        let mut reader = cache.reader(key);
        if !reader.open_unless_archived()? {
            return Ok(false);
        }
        let meter = self.meter(job, Action::Verify);
        let part = PartMeter::new(&meter);
        let read = reader.digest(run, |position| part.at(position))?;
        if read != job.digest {
            let location = cache.store.location(&self.key(&job.digest));
            cache.context.warn(&format!("{location} is corrupt (wrong digest); replacing it"));
        }
        meter.finish();
        Ok(read == job.digest)
    }

    /// Runs one step after the other. If a step fails, the job stays at that step.
    fn take_steps<'s>(&'s self, job: &mut Job, run: &Run<'_>) -> Result<NextSend<'s>> {
        if job.step == Step::Verify {
            job.step = match self.verify(job, run)? {
                true if job.touch => Step::Touch,
                true => return Ok(self.left(job, "in the bucket and intact")),
                false => Step::Upload,
            };
            job.why = if job.step == Step::Touch { OLD } else { "corrupt or archived in the bucket" };
        }
        if job.step == Step::Touch {
            match self.touch(job)? {
                Touched::Done => return Ok(self.done()),
                Touched::Refused => return Ok(self.left(job, "old, but the store does not touch it")),
                Touched::Impossible => (job.step, job.why) = (Step::Upload, "gone from the bucket, or archived"),
                Touched::TooLarge => (job.step, job.why) = (Step::Upload, "too old, and too large to touch"),
            }
        }
        if !std::mem::replace(&mut job.checked, true) {
            check_source(self.source, &job.digest, job.size)?;
        }
        self.upload(job.clone(), run)
    }

    fn start<'s>(&'s self, mut job: Job, run: &Run<'_>) -> Result<NextSend<'s>> {
        job.begun = Some(self.cache.context.clock.monotonic());
        let mut taken = self.take_steps(&mut job, run);
        // The bytes may have been damaged in transit.
        if taken.as_ref().is_err_and(is_damaged) {
            taken = self.take_steps(&mut job, run);
        }
        match taken {
            Err(error) if error.is_transient() && job.step != Step::Touch && self.streak.failed() => {
                // This may be an outage: the others wait for the next round, while this blob detects when it ends.
                self.streak.trip();
                match persist(&self.cache.context, Error::is_transient, || self.take_steps(&mut job, run)) {
                    Err(error) => self.failed(job, error),
                    next => next,
                }
            }
            Err(error) => self.failed(job, error),
            next => next,
        }
    }
}
