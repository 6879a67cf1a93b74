//! Uploads a large blob in parts, which several threads hash and send.

use std::sync::{Mutex, OnceLock};

use crate::base::{Action, Digest, Error, ErrorKind, Hasher, Parts, Result, Unpoisoned as _};
use crate::object::{MultipartUpload, ObjectStore, PutMode};
use crate::ops::export::payload::{PartPayload, changed, read_range, wrong_digest};
use crate::ops::export::plan::Job;
use crate::ops::export::sender::{NextSend, Sender};
use crate::ops::meter::{Meter, PartMeter};
use crate::ops::persist::{is_transient_or_damaged_once, persist};
use crate::ops::rounds::Tried;
use crate::transfer::{Run, Split};

/// A blob that is uploaded in parts.
pub(super) struct Multipart<'a> {
    sender: &'a Sender<'a>,
    job: Job,
    parts: Parts,
    /// The source's stamp of the blob before it was read.
    stamp: Option<u64>,
    /// Started by the first part's thread while the others hash theirs. `None` if the store does not support multipart
    /// uploads.
    upload: OnceLock<Option<StartedUpload<'a>>>,
    whole: Whole,
}

/// A multipart upload started at the store.
struct StartedUpload<'a> {
    parts: Box<dyn MultipartUpload + 'a>,
    meter: Meter<'a>,
}

/// Hashes the whole blob. No store can check it, because stores only see the hashes of parts. The same bytes must also
/// match the hashes that the parts were signed and sent with.
struct Whole {
    /// The hash of each part, once it is known. Empty if the whole blob is not verified.
    hashes: Vec<OnceLock<Digest>>,
    head: Mutex<Head>,
}

/// The hash of the whole blob so far, and the number of parts that it includes.
#[derive(Default)]
struct Head {
    hasher: Hasher,
    parts: usize,
}

impl<'a> Multipart<'a> {
    /// Prepares the upload. Sends nothing. The whole blob is verified on request, or if the source cannot tell whether
    /// the blob has changed.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(super) fn new(sender: &'a Sender<'a>, job: Job, parts: Parts) -> Result<Self> {
        let stamp = sender.source.blob_stamp(&job.digest)?;
        let hashes = if sender.verifies() || stamp.is_none() { parts.count() } else { 0 };
        let hashes = std::iter::repeat_with(OnceLock::new).take(hashes).collect();
        let whole = Whole { hashes, head: Mutex::default() };
        Ok(Self { sender, job, parts, stamp, upload: OnceLock::new(), whole })
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

    /// Adds the parts that have been hashed to the hash of the whole blob, unless another thread is doing so.
    fn catch_up(&self, run: &Run<'_>) -> Result<()> {
        self.whole.head.try_lock().unpoisoned().map_or(Ok(()), |mut head| self.advance(&mut head, run))
    }

    fn advance(&self, head: &mut Head, run: &Run<'_>) -> Result<()> {
        let (source, digest) = (self.sender.source, &self.job.digest);
        while let Some(hash) = self.whole.hashes.get(head.parts).and_then(OnceLock::get) {
            let mut part = Hasher::new();
            let both = |bytes: &[u8]| {
                head.hasher.update(bytes);
                part.update(bytes);
            };
            run.compute(|| read_range(source, digest, self.parts.range(head.parts), run, both))?;
            if part.finish() != *hash {
                return Err(changed(source, digest));
            }
            head.parts += 1;
        }
        Ok(())
    }

    /// Checks the whole blob after all its parts are sent.
    fn verify(&self, run: &Run<'_>) -> Result<()> {
        let (source, digest) = (self.sender.source, &self.job.digest);
        let mut head = self.whole.head.lock().unpoisoned();
        self.advance(&mut head, run)?;
        if source.blob_stamp(digest)? != self.stamp {
            return Err(changed(source, digest));
        }
        let verified = self.whole.hashes.is_empty() || head.hasher.clone().finish() == *digest;
        if verified { Ok(()) } else { Err(wrong_digest(source, digest)) }
    }
}

impl<'a> Split<'a, Job, Tried<Job, ()>> for Multipart<'a> {
    fn parts(&self) -> usize {
        self.parts.count()
    }

    fn part(&self, index: usize, run: &Run<'_>) -> Result<()> {
        if index == 0 {
            self.begin(run)?;
        }
        if let Some(None) = self.upload.get() {
            return Ok(());
        }
        let (sender, digest, range) = (self.sender, self.job.digest, self.parts.range(index));
        let mut hasher = Hasher::new();
        let mut hash = |bytes: &[u8]| hasher.update(bytes);
        run.compute(|| read_range(sender.source, &digest, range.clone(), run, &mut hash))?;
        let sha256 = hasher.finish();
        if let Some(hash) = self.whole.hashes.get(index) {
            hash.get_or_init(|| sha256);
        }
        let Some(upload) = run.wait_for(|| self.upload.get())? else { return Ok(()) };
        let payload = PartPayload {
            source: sender.source,
            digest,
            range: range.clone(),
            sha256,
            verify: sender.verifies(),
            meter: PartMeter::new(&upload.meter),
            run,
        };
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        // Otherwise the blob would have to start over.
        persist(&sender.cache.context, is_transient_or_damaged_once(), || {
            upload.parts.put_part(number, range.start, &payload)
        })?;
        self.catch_up(run)
    }

    fn finish(self: Box<Self>, run: &Run<'_>) -> Result<NextSend<'a>> {
        run.check()?;
        let in_parts = matches!(self.upload.get(), Some(Some(_)));
        let verified = if in_parts { self.verify(run) } else { Ok(()) };
        let Self { sender, job, upload, .. } = *self;
        let sent = verified.and_then(|()| match upload.into_inner().flatten() {
            Some(upload) => upload.parts.complete().map(|_| upload.meter.finish()),
            None => sender.put(&job, run),
        });
        match sent {
            Ok(()) => Ok(sender.uploaded(&job)),
            Err(error) => sender.failed(job, error),
        }
    }
}
