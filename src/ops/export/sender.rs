//! What the threads of an export share.

use std::sync::Mutex;

use crate::base::{Action, Digest, Error, ErrorKind, Result, Unpoisoned as _, log_blob};
use crate::config::VerifySource;
use crate::object::{BlobSource, ObjectStore, PutMode};
use crate::ops::cache::S3Cache;
use crate::ops::export::payload::BlobPayload;
use crate::ops::export::plan::{Job, Step};
use crate::ops::export::touch::{Touched, Touches};
use crate::ops::meter::Meter;
use crate::ops::report::Report;
use crate::ops::rounds::{Streak, Tried};
use crate::transfer::{Next, Run};

/// What to do with a blob next, or that it is done.
pub(in crate::ops) type NextSend<'a> = Next<'a, Job, Tried<Job, ()>>;

/// Sends the blobs of one export.
pub(in crate::ops) struct Sender<'a> {
    pub(in crate::ops) cache: &'a S3Cache,
    pub(super) source: &'a dyn BlobSource,
    pub(super) touches: Touches,
    pub(super) streak: Streak,
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
    pub(in crate::ops) fn new(cache: &'a S3Cache, source: &'a dyn BlobSource) -> Self {
        Self { cache, source, touches: Touches::default(), streak: Streak::default(), tally: Mutex::default() }
    }

    /// Adds what was done to the report.
    pub(super) fn note(&self, report: &mut Report) {
        let tally = self.tally.lock().unpoisoned();
        report.blobs.transferred = tally.uploaded;
        report.blobs.touched = tally.touched;
        report.blobs.present -= tally.replaced;
        report.bytes = tally.bytes;
    }

    /// Records that the blob of `job` is uploaded.
    pub(in crate::ops) fn uploaded(&self, job: &Job) -> NextSend<'a> {
        self.streak.succeeded();
        self.log(job, "uploaded", job.why);
        let mut tally = self.tally.lock().unpoisoned();
        tally.uploaded += 1;
        tally.bytes = job.size.saturating_add(tally.bytes);
        tally.replaced += usize::from(job.replaces);
        Next::Done(Tried::Done(()))
    }

    /// Leaves `job` to a later round, if its error is transient.
    pub(in crate::ops) fn failed(&self, job: Job, error: Error) -> Result<NextSend<'a>> {
        if !error.is_transient() {
            return Err(error);
        }
        if job.step != Step::Touch && self.streak.failed() {
            self.streak.trip();
        }
        Ok(Next::Done(Tried::failed(job, error, true)))
    }

    /// Records that the blob in the store is used as it is.
    pub(super) fn left(&self, job: &Job, why: &str) -> NextSend<'a> {
        self.log(job, "skipped", why);
        self.done()
    }

    /// Records that nothing is left to do with a blob.
    pub(super) fn done(&self) -> NextSend<'a> {
        self.streak.succeeded();
        Next::Done(Tried::Done(()))
    }

    fn log(&self, job: &Job, what: &str, why: &str) {
        let took = job.begun.map(|begun| self.cache.context.clock.monotonic().saturating_sub(begun));
        log_blob(&job.digest, job.size, what, why, took);
    }

    /// Touches the blob of `job`.
    ///
    /// # Errors
    /// If the touch failed with a transient error.
    pub(super) fn touch(&self, job: &Job) -> Result<Touched> {
        let touched = self.touches.touch(self.cache, job)?;
        if touched == Touched::Done {
            self.tally.lock().unpoisoned().touched += 1;
        }
        Ok(touched)
    }

    pub(super) fn key(&self, digest: &Digest) -> String {
        self.cache.keys.blob(digest)
    }

    pub(super) fn meter(&self, job: &Job, action: Action) -> Meter<'a> {
        Meter::start(&*self.cache.context.progress, &job.digest, action, job.size)
    }

    pub(in crate::ops) fn put(&self, job: &Job, run: &Run<'_>) -> Result<()> {
        let payload = BlobPayload {
            source: self.source,
            digest: job.digest,
            size: job.size,
            verify: self.hashes_body(),
            progress: &*self.cache.context.progress,
            run,
        };
        let put = self.cache.store.put(&self.key(&job.digest), &payload, &PutMode::Overwrite);
        put.map_err(|error| self.with_repair_hint(error))?;
        self.cache.context.finished(&job.digest, Action::Upload, job.size);
        Ok(())
    }

    /// Adds how to repair the source to the error of a store that checks what it is sent.
    fn with_repair_hint(&self, error: Error) -> Error {
        match (self.source.repair_hint(), error.kind()) {
            (Some(hint), ErrorKind::Integrity) if error.hint().is_none() => error.with_hint(hint),
            _ => error,
        }
    }

    /// Returns whether a blob that is sent in one request is hashed meanwhile.
    fn hashes_body(&self) -> bool {
        match self.cache.options.policy().verify_source {
            VerifySource::Auto => !self.cache.store.verifies_payloads(),
            VerifySource::Always => true,
            VerifySource::Never => false,
        }
    }

    /// Returns whether a blob that is sent in parts is hashed as a whole.
    pub(super) fn hashes_whole(&self) -> bool {
        self.cache.options.policy().verify_source != VerifySource::Never
    }

    /// Warns if nobody will check the blobs that are sent in parts.
    pub(super) fn warn_if_unchecked(&self, jobs: &[Job]) {
        if !self.hashes_whole() && !self.cache.store.hashes_parts() && jobs.iter().any(Job::splits) {
            self.cache.context.warn(
                "nothing verifies the bytes of large blobs: verify_source=false is set, and their parts are sent unsigned \
                 over TLS; leave verify_source out, or set payload_signing=true",
            );
        }
    }
}
