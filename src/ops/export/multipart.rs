//! Uploads a large blob in parts, which several threads hash and send.

use std::sync::{Mutex, OnceLock};

use crate::base::{Action, Error, ErrorKind, Parts, Result, Unpoisoned as _};
use crate::object::{MultipartUpload, ObjectStore, PutMode};
use crate::ops::export::check::{Check, Stamp, Whole};
use crate::ops::export::payload::{PartPayload, hash_range};
use crate::ops::export::plan::Job;
use crate::ops::export::sender::{NextSend, Sender};
use crate::ops::meter::{Meter, PartMeter};
use crate::ops::persist::{is_transient_or_damaged_once, persist};
use crate::ops::rounds::Tried;
use crate::transfer::{Run, Split};

/// A blob that is uploaded in parts.
pub(in crate::ops) struct Multipart<'a> {
    sender: &'a Sender<'a>,
    job: Job,
    parts: Parts,
    /// Started by the first part's thread while the others hash theirs. `None` if the store does not support multipart
    /// uploads.
    upload: OnceLock<Option<StartedUpload<'a>>>,
    check: Box<dyn Check + 'a>,
    /// Why the upload has failed: then its other parts are useless.
    failure: Mutex<Option<Error>>,
}

/// A multipart upload started at the store.
struct StartedUpload<'a> {
    parts: Box<dyn MultipartUpload + 'a>,
    meter: Meter<'a>,
}

impl<'a> Multipart<'a> {
    /// Prepares the upload of a blob that the source has. Sends nothing.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(in crate::ops) fn new(sender: &'a Sender<'a>, job: Job, parts: Parts) -> Result<Self> {
        let (source, digest) = (sender.source, job.digest);
        let check: Box<dyn Check + 'a> = if sender.hashes_whole() {
            Box::new(Whole::new(source, digest, parts, sender.cache.store.hashes_parts()))
        } else {
            Box::new(Stamp::take(source, digest)?)
        };
        Ok(Self::checked_by(check, sender, job, parts))
    }

    /// Prepares the upload of a blob that `check` verifies. Sends nothing.
    pub(in crate::ops) fn checked_by(
        check: Box<dyn Check + 'a>,
        sender: &'a Sender<'a>,
        job: Job,
        parts: Parts,
    ) -> Self {
        Self { sender, job, parts, upload: OnceLock::new(), check, failure: Mutex::default() }
    }

    fn begin(&self, run: &Run<'_>) -> Result<()> {
        let (sender, job) = (self.sender, &self.job);
        let key = sender.key(&job.digest);
        let parts = persist(&sender.cache.context, Error::is_transient, || {
            let parts = sender.cache.store.put_in_parts(&key, job.size, &PutMode::Overwrite).map(Some);
            parts.or_else(|error| if error.kind() == ErrorKind::Unsupported { Ok(None) } else { Err(error) })
        })?;
        if parts.is_none() {
            self.check.without_parts();
        }
        let upload = parts.map(|parts| StartedUpload { parts, meter: sender.meter(job, Action::Upload) });
        self.upload.get_or_init(|| upload);
        run.notify();
        Ok(())
    }

    fn has_failed(&self) -> bool {
        self.failure.lock().unpoisoned().is_some()
    }

    /// Sends a part; the first one begins the upload.
    fn send(&self, index: usize, run: &Run<'_>) -> Result<()> {
        if index == 0 {
            self.begin(run)?;
        }
        if matches!(self.upload.get(), Some(None)) || self.has_failed() {
            return Ok(());
        }
        let (sender, digest, range) = (self.sender, self.job.digest, self.parts.range(index));
        let (source, offset) = (sender.source, range.start);
        // Before it takes a connection.
        let sha256 = match self.check.prepare(index, run)? {
            None if sender.cache.store.hashes_parts() => Some(hash_range(source, &digest, range.clone(), run)?),
            sha256 => sha256,
        };
        let begun = || self.upload.get().map(Option::as_ref).or_else(|| self.has_failed().then_some(None));
        let Some(upload) = run.wait_for(begun)? else { return Ok(()) };
        let (meter, sent) = (PartMeter::new(&upload.meter), Mutex::default());
        let sha256 = sha256.map_or_else(OnceLock::new, OnceLock::from);
        let payload = PartPayload { source, digest, range, meter, run, sha256, sent };
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        // Repeated here; otherwise the whole blob would have to start over.
        persist(&sender.cache.context, is_transient_or_damaged_once(), || {
            upload.parts.put_part(number, offset, &payload)
        })?;
        sender.streak.succeeded();
        self.check.sent(index, payload.sent(), run)
    }
}

impl<'a> Split<'a, Job, Tried<Job, ()>> for Multipart<'a> {
    fn parts(&self) -> usize {
        self.parts.count()
    }

    fn part(&self, index: usize, run: &Run<'_>) -> Result<()> {
        if let Err(error) = self.send(index, run) {
            run.check()?;
            self.check.failed(&error);
            self.failure.lock().unpoisoned().get_or_insert(error);
            run.notify();
        }
        Ok(())
    }

    fn finish(self: Box<Self>, run: &Run<'_>) -> Result<NextSend<'a>> {
        run.check()?;
        let failed = self.failure.lock().unpoisoned().take();
        let sent = match (failed, self.upload.get()) {
            (Some(error), _) => Err(error),
            (None, Some(Some(upload))) => self.check.verify(run).and_then(|()| {
                let complete = || upload.parts.complete().map(drop);
                persist(&self.sender.cache.context, Error::is_transient, complete)?;
                upload.meter.finish();
                Ok(())
            }),
            (None, _) => self.check.complete(run).and_then(|()| self.sender.put(&self.job, run)),
        };
        let Self { sender, job, upload, .. } = *self;
        // Aborted now, unless it was completed.
        drop(upload);
        match sent {
            Ok(()) => Ok(sender.uploaded(&job)),
            Err(error) => sender.failed(job, error),
        }
    }
}
