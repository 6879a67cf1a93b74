//! Uploads a large blob in parts, which several threads hash and send.

use std::sync::{Mutex, OnceLock};

use crate::base::{Action, Error, ErrorKind, Hasher, Parts, Result, Unpoisoned as _};
use crate::object::{MultipartUpload, ObjectStore, PutMode};
use crate::ops::export::payload::{PartPayload, changed, hash_range, read_range, wrong_digest};
use crate::ops::export::plan::Job;
use crate::ops::export::sender::{NextSend, Sender};
use crate::ops::export::sum::{Sum, Summed};
use crate::ops::meter::{Meter, PartMeter};
use crate::ops::persist::{is_transient_or_damaged_once, persist};
use crate::ops::rounds::Tried;
use crate::transfer::{Run, Split};

/// A blob that is uploaded in parts.
pub(super) struct Multipart<'a> {
    sender: &'a Sender<'a>,
    job: Job,
    parts: Parts,
    /// Started by the first part's thread while the others hash theirs. `None` if the store does not support multipart
    /// uploads.
    upload: OnceLock<Option<StartedUpload<'a>>>,
    check: Check,
    /// Why the upload has failed: then its other parts are useless.
    failure: Mutex<Option<Error>>,
}

/// A multipart upload started at the store.
struct StartedUpload<'a> {
    parts: Box<dyn MultipartUpload + 'a>,
    meter: Meter<'a>,
}

/// How it is checked before it is completed that the parts are those of the blob.
enum Check {
    /// The whole blob is hashed, because stores see at most the hashes of parts.
    Whole(Whole),
    /// The source's stamp of the blob, taken before it is read, must be the same afterwards.
    Stamp(Option<u64>),
}

/// The hash of the whole blob. Reads each part a second time after it was sent, and checks that the bytes are those that
/// were sent.
struct Whole {
    /// What was sent of each part, once it was sent.
    sent: Vec<OnceLock<Summed>>,
    head: Mutex<Head>,
}

/// The hash of the whole blob so far, and the number of parts that it includes.
#[derive(Default)]
struct Head {
    hasher: Hasher,
    parts: usize,
}

impl<'a> Multipart<'a> {
    /// Prepares the upload. Sends nothing.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(super) fn new(sender: &'a Sender<'a>, job: Job, parts: Parts) -> Result<Self> {
        let check = if sender.hashes_whole() {
            let sent = std::iter::repeat_with(OnceLock::new).take(parts.count()).collect();
            Check::Whole(Whole { sent, head: Mutex::default() })
        } else {
            Check::Stamp(sender.source.blob_stamp(&job.digest)?)
        };
        Ok(Self { sender, job, parts, upload: OnceLock::new(), check, failure: Mutex::default() })
    }

    fn begin(&self, run: &Run<'_>) -> Result<()> {
        let (sender, job) = (self.sender, &self.job);
        let key = sender.key(&job.digest);
        let parts = persist(&sender.cache.context, Error::is_transient, || {
            let parts = sender.cache.store.put_in_parts(&key, job.size, &PutMode::Overwrite).map(Some);
            parts.or_else(|error| if error.kind() == ErrorKind::Unsupported { Ok(None) } else { Err(error) })
        })?;
        let upload = parts.map(|parts| StartedUpload { parts, meter: sender.meter(job, Action::Upload) });
        self.upload.get_or_init(|| upload);
        run.notify();
        Ok(())
    }

    /// Adds the parts that have been sent to the hash of the whole blob, unless another thread is doing so.
    fn catch_up(&self, whole: &Whole, run: &Run<'_>) -> Result<()> {
        whole.head.try_lock().unpoisoned().map_or(Ok(()), |mut head| self.advance(whole, &mut head, run))
    }

    fn advance(&self, whole: &Whole, head: &mut Head, run: &Run<'_>) -> Result<()> {
        let (source, digest) = (self.sender.source, &self.job.digest);
        while let Some(sent) = whole.sent.get(head.parts).and_then(OnceLock::get) {
            let mut sum = Sum::default();
            let hash = |bytes: &[u8]| {
                head.hasher.update(bytes);
                sum.update(bytes);
            };
            run.compute(|| read_range(source, digest, self.parts.range(head.parts), run, hash))?;
            if sum.finish() != *sent {
                return Err(changed(source, digest));
            }
            head.parts += 1;
        }
        Ok(())
    }

    /// Checks the blob after all its parts are sent.
    fn verify(&self, run: &Run<'_>) -> Result<()> {
        let (source, digest) = (self.sender.source, &self.job.digest);
        match &self.check {
            Check::Whole(whole) => {
                let mut head = whole.head.lock().unpoisoned();
                self.advance(whole, &mut head, run)?;
                let verified = head.hasher.clone().finish() == *digest;
                if verified { Ok(()) } else { Err(wrong_digest(source, digest)) }
            }
            Check::Stamp(stamp) if source.blob_stamp(digest)? != *stamp => Err(changed(source, digest)),
            Check::Stamp(_) => Ok(()),
        }
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
        let sha256 = if sender.cache.store.hashes_parts() {
            // Before it takes a connection.
            OnceLock::from(hash_range(source, &digest, range.clone(), run)?)
        } else {
            OnceLock::new()
        };
        let begun = || self.upload.get().map(Option::as_ref).or_else(|| self.has_failed().then_some(None));
        let Some(upload) = run.wait_for(begun)? else { return Ok(()) };
        let (meter, sent) = (PartMeter::new(&upload.meter), Mutex::default());
        let payload = PartPayload { source, digest, range, meter, run, sha256, sent };
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        // Repeated here; otherwise the whole blob would have to start over.
        persist(&sender.cache.context, is_transient_or_damaged_once(), || {
            upload.parts.put_part(number, offset, &payload)
        })?;
        sender.streak.succeeded();
        let Check::Whole(whole) = &self.check else { return Ok(()) };
        if let Some(sent) = whole.sent.get(index) {
            sent.get_or_init(|| payload.sent());
        }
        self.catch_up(whole, run)
    }
}

impl<'a> Split<'a, Job, Tried<Job, ()>> for Multipart<'a> {
    fn parts(&self) -> usize {
        self.parts.count()
    }

    fn part(&self, index: usize, run: &Run<'_>) -> Result<()> {
        if let Err(error) = self.send(index, run) {
            run.check()?;
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
            (None, Some(Some(upload))) => self.verify(run).and_then(|()| {
                let complete = || upload.parts.complete().map(drop);
                persist(&self.sender.cache.context, Error::is_transient, complete)?;
                upload.meter.finish();
                Ok(())
            }),
            (None, _) => self.sender.put(&self.job, run),
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
