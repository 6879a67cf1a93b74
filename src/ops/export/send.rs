//! Sends the blobs of an export: uploads each whole or in parts, touches it, or reads it back.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::base::{Action, Digest, Error, ErrorKind, Event, Parts, Result};
use crate::object::{BlobSource, ObjectStore, PutMode};
use crate::ops::cache::S3Cache;
use crate::ops::export::multipart::Multipart;
use crate::ops::export::payload::{BlobPayload, check_source};
use crate::ops::export::plan::{Job, Step};
use crate::ops::lock;
use crate::ops::meter::{Meter, PartMeter};
use crate::ops::persist::{is_damaged, passes, persist};
use crate::ops::report::Report;
use crate::ops::resume::ResumingReader;
use crate::ops::rounds::{self, Streak, Tried};
use crate::transfer::{Next, Run};

/// What follows for a blob.
pub(super) type Sent<'a> = Next<'a, Job, Tried<Job, ()>>;

/// After this many failed touches in a row, the store is assumed to refuse them.
const MOST_FAILED_TOUCHES: usize = 8;

/// Sends the blobs of one export.
pub(super) struct Sender<'a> {
    pub(super) cache: &'a S3Cache,
    pub(super) source: &'a dyn BlobSource,
    /// The store has refused a touch.
    refused: AtomicBool,
    /// The number of consecutive failed touches.
    failed_touches: AtomicUsize,
    streak: Streak,
    tally: Mutex<Tally>,
}

/// What has been done so far.
#[derive(Default)]
struct Tally {
    uploaded: usize,
    bytes: u64,
    replaced: usize,
    touched: usize,
}

impl<'a> Sender<'a> {
    pub(super) fn new(cache: &'a S3Cache, source: &'a dyn BlobSource) -> Self {
        Self {
            cache,
            source,
            refused: AtomicBool::new(false),
            failed_touches: AtomicUsize::new(0),
            streak: Streak::default(),
            tally: Mutex::default(),
        }
    }

    /// Runs all jobs. Those that fail with a transient error are tried again after the others.
    ///
    /// # Errors
    /// The first error that persists. A failed touch is only a warning.
    pub(super) fn send(&self, jobs: Vec<Job>) -> Result<()> {
        let uploads = jobs.iter().filter(|job| job.step == Step::Upload);
        let (blobs, bytes) = uploads.fold((0, 0), |(blobs, bytes), job| (blobs + 1, job.size.saturating_add(bytes)));
        self.cache.context.progress.event(&Event::Planned { blobs, bytes });
        let start = |job, run: &Run<'_>| self.start(job, run);
        let failed = rounds::run(self.cache, jobs.into_iter(), &self.streak, start, |()| {})?;
        let (touches, others): (Vec<_>, Vec<_>) =
            failed.into_iter().partition(|(job, error)| job.step == Step::Touch && error.is_some());
        if !others.is_empty() {
            return Err(rounds::first_error(others).or(rounds::first_error(touches)).unwrap_or(Error::Cancelled));
        }
        if let Some(error) = rounds::first_error(touches) {
            self.refuse_touches(&error);
        }
        Ok(())
    }

    /// Adds what was done to the report.
    pub(super) fn note(&self, report: &mut Report) {
        let tally = lock(&self.tally);
        report.blobs.transferred = tally.uploaded;
        report.blobs.touched = tally.touched;
        report.blobs.present -= tally.replaced;
        report.bytes = tally.bytes;
    }

    /// Records that the blob of `job` is uploaded.
    pub(super) fn uploaded(&self, job: &Job) -> Sent<'a> {
        self.streak.broken();
        let mut tally = lock(&self.tally);
        tally.uploaded += 1;
        tally.bytes = job.size.saturating_add(tally.bytes);
        tally.replaced += usize::from(job.replaces);
        Next::Done(Tried::Done(()))
    }

    /// Leaves `job` to a later round, if its error is transient.
    pub(super) fn failed(&self, job: Job, error: Error) -> Result<Sent<'a>> {
        if !passes(&error) {
            return Err(error);
        }
        if job.step != Step::Touch && self.streak.failed() {
            self.streak.trip();
        }
        Ok(Next::Done(Tried::failed(job, error, true)))
    }

    /// Returns the parts, or `None` if the blob fits in one request.
    fn parts(&self, job: &Job) -> Option<Parts> {
        let tuning = &self.cache.tuning;
        (job.size > tuning.multipart_above).then(|| Parts::upload(job.size, tuning.part_size))
    }

    pub(super) fn key(&self, digest: &Digest) -> String {
        self.cache.keys.blob(digest)
    }

    pub(super) fn meter(&self, job: &Job, action: Action) -> Meter<'a> {
        Meter::start(&*self.cache.context.progress, &job.digest, action, job.size)
    }

    pub(super) fn put(&self, job: &Job, run: &Run<'_>) -> Result<()> {
        let payload = BlobPayload {
            source: self.source,
            digest: job.digest,
            size: job.size,
            verify: self.verifies(),
            progress: &*self.cache.context.progress,
            run,
        };
        self.cache.store.put(&self.key(&job.digest), &payload, &PutMode::Overwrite)?;
        self.cache.context.finished(&job.digest, Action::Upload, job.size);
        Ok(())
    }

    fn upload<'s>(&'s self, job: Job, run: &Run<'_>) -> Result<Sent<'s>> {
        if let Some(parts) = self.parts(&job) {
            return Ok(Next::Split(Box::new(Multipart::new(self, job, parts)?)));
        }
        self.put(&job, run)?;
        Ok(self.uploaded(&job))
    }

    pub(super) fn verifies(&self) -> bool {
        self.cache.options.policy().verify_source
    }

    /// Touches the blob. An old blob is still valid, so a refusal is only a warning, shown once.
    fn touch(&self, job: &Job) -> Result<Touched> {
        let Some(meta) = &job.meta else { return Ok(Touched::Refused) };
        if self.refused.load(Ordering::Relaxed) {
            return Ok(Touched::Refused);
        }
        match self.cache.store.touch(&self.key(&job.digest), meta) {
            Ok(_) => {
                self.failed_touches.store(0, Ordering::Relaxed);
                self.cache.context.finished(&job.digest, Action::Touch, job.size);
                Ok(Touched::Done)
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Archived | ErrorKind::TooLarge) => {
                self.failed_touches.store(0, Ordering::Relaxed);
                Ok(Touched::Impossible)
            }
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Err(error)
                if passes(&error) && self.failed_touches.fetch_add(1, Ordering::Relaxed) < MOST_FAILED_TOUCHES =>
            {
                Err(error)
            }
            Err(error) => {
                self.refuse_touches(&error);
                Ok(Touched::Refused)
            }
        }
    }

    fn refuse_touches(&self, error: &Error) {
        if !self.refused.swap(true, Ordering::Relaxed) {
            let context = &self.cache.context;
            context.warn(&format!("cannot refresh existing blobs; they may expire: {error}"));
        }
    }

    /// Returns whether the blob in the store matches its digest.
    fn verify(&self, job: &Job, run: &Run<'_>) -> Result<bool> {
        let (cache, key) = (self.cache, self.key(&job.digest));
        let Some(mut reader) = ResumingReader::open(cache.store.clone(), cache.context.clone(), key)? else {
            return Ok(false);
        };
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
}

impl<'a> Sender<'a> {
    /// Runs one step after the other. If a step fails, the job stays at that step.
    fn take_steps<'s>(&'s self, job: &mut Job, run: &Run<'_>) -> Result<Sent<'s>> {
        if job.step == Step::Verify {
            job.step = match self.verify(job, run)? {
                true if job.touch => Step::Touch,
                true => return Ok(self.left()),
                false => Step::Upload,
            };
        }
        if job.step == Step::Touch {
            match self.touch(job)? {
                Touched::Done => {
                    lock(&self.tally).touched += 1;
                    return Ok(self.left());
                }
                Touched::Impossible => job.step = Step::Upload,
                Touched::Refused => return Ok(self.left()),
            }
        }
        if !std::mem::replace(&mut job.checked, true) {
            check_source(self.source, &job.digest, job.size)?;
        }
        self.upload(job.clone(), run)
    }

    fn left(&self) -> Sent<'a> {
        self.streak.broken();
        Next::Done(Tried::Done(()))
    }

    fn start<'s>(&'s self, mut job: Job, run: &Run<'_>) -> Result<Sent<'s>> {
        let mut taken = self.take_steps(&mut job, run);
        // The bytes may have been damaged in transit.
        if taken.as_ref().is_err_and(is_damaged) {
            taken = self.take_steps(&mut job, run);
        }
        match taken {
            Err(error) if passes(&error) && job.step != Step::Touch && self.streak.failed() => {
                // This may be an outage: the others wait for the next round, while this blob detects when it ends.
                self.streak.trip();
                match persist(&self.cache.context, passes, || self.take_steps(&mut job, run)) {
                    Err(error) => self.failed(job, error),
                    next => next,
                }
            }
            Err(error) => self.failed(job, error),
            next => next,
        }
    }
}

/// The outcome of a touch.
enum Touched {
    Done,
    /// The object is gone, archived, or too large to be copied: upload it again.
    Impossible,
    /// The store refused.
    Refused,
}
