//! What an export does with each blob: upload it, whole or in parts, touch it, or read it back.

use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::base::{Action, BlobSource, Digest, Error, Hasher, Parts, Result};
use crate::ops::cache::S3Cache;
use crate::ops::download::ResumingReader;
use crate::ops::meter::{Meter, PartMeter};
use crate::ops::upload::{BlobPayload, PartPayload, damaged, read_range, wrong_digest};
use crate::store::{ObjectMeta, PartsUpload, Touch};
use crate::transfer::{Bell, Next, Permits, Stop, Work};

/// What is to be done with one blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Upload,
    Touch,
    Verify,
}

/// One blob of an export.
pub(super) struct Job {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) step: Step,
    pub(super) meta: Option<ObjectMeta>,
    /// Touch it when it turns out to be right.
    pub(super) touch: bool,
}

/// How a job ended.
pub(super) enum Done {
    Uploaded { replaced: bool },
    Touched,
    Left,
}

impl Done {
    fn uploaded(job: &Job) -> Self {
        Self::Uploaded { replaced: job.step != Step::Upload }
    }
}

/// The blobs of one export on their way.
pub(super) struct Sender<'a> {
    cache: &'a S3Cache,
    source: &'a dyn BlobSource,
    /// The store has refused a touch.
    refused: AtomicBool,
    /// For what waits for the store.
    connections: Permits,
    /// For what keeps a processor busy. Parts are hashed one after the other on each of them, so that the first is soon
    /// on its way, and ahead of the connections, so that none of those waits for a hash.
    processors: Permits,
    ahead: usize,
}

/// A blob that is uploaded in parts.
pub(super) struct Sending<'a> {
    job: Job,
    parts: Parts,
    /// What the source said of the blob before it was read.
    stamp: Option<u64>,
    /// Begun by the first part's thread, while the others hash theirs; nothing where the store has no such uploads.
    upload: OnceLock<Option<Upload<'a>>>,
    /// By part: what it was signed with. Only where the whole is verified: where that is wanted, and where the source
    /// cannot tell whether the blob has changed.
    hashes: Vec<OnceLock<Digest>>,
    /// Rung for each of those.
    bell: Bell,
}

/// An upload that the store has begun.
struct Upload<'a> {
    parts: Box<dyn PartsUpload + 'a>,
    meter: Meter<'a>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(cache: &'a S3Cache, source: &'a dyn BlobSource) -> Self {
        let ahead = thread::available_parallelism().map_or(1, NonZero::get);
        let (connections, processors) = (Permits::new(cache.connections), Permits::new(ahead));
        Self { cache, source, refused: AtomicBool::new(false), connections, processors, ahead }
    }

    /// How many threads have something to do.
    pub(super) fn threads(&self, jobs: &[Job]) -> usize {
        let parts = |job: &Job| self.parts(job).map(|parts| parts.count());
        let large = jobs.iter().filter(|job| parts(job).is_some()).count();
        let asides = large.min(self.asides());
        let chunks = jobs.iter().map(|job| parts(job).unwrap_or(1)).fold(asides, usize::saturating_add);
        let beside = if large > 0 { self.ahead + asides } else { 0 };
        chunks.min(self.cache.connections.saturating_add(beside))
    }

    /// `None` when the blob goes in one request.
    fn parts(&self, job: &Job) -> Option<Parts> {
        let tuning = &self.cache.tuning;
        (job.size > tuning.multipart_above).then(|| Parts::upload(job.size, tuning.part_size))
    }

    fn key(&self, digest: &Digest) -> String {
        self.cache.options.blob_key(digest)
    }

    fn start(&self, job: &Job, action: Action) -> Meter<'a> {
        Meter::start(&*self.cache.context.progress, &job.digest, action, job.size)
    }

    fn put(&self, job: &Job, stop: &Stop<'_>) -> Result<()> {
        let payload = BlobPayload {
            source: self.source,
            digest: job.digest,
            size: job.size,
            verify: self.verifies(),
            progress: &*self.cache.context.progress,
            stop,
        };
        self.cache.store.put(&self.key(&job.digest), &payload)?;
        self.cache.context.finished(&job.digest, Action::Upload, job.size);
        Ok(())
    }

    fn upload(&self, job: Job, stop: &Stop<'_>) -> Result<Next<Self>> {
        if let Some(parts) = self.parts(&job) {
            let stamp = self.source.blob_stamp(&job.digest)?;
            let hashes = if self.verifies() || stamp.is_none() { parts.count() } else { 0 };
            let hashes = std::iter::repeat_with(OnceLock::new).take(hashes).collect();
            let (upload, bell) = (OnceLock::new(), Bell::default());
            return Ok(Next::Chunks(Sending { job, parts, stamp, upload, hashes, bell }, parts.count()));
        }
        self.put(&job, stop)?;
        Ok(Next::Done(Done::uploaded(&job)))
    }

    fn begin_upload(&self, sending: &Sending<'a>, stop: &Stop<'_>) -> Result<()> {
        let _connection = self.connections.take(stop)?;
        let job = &sending.job;
        let parts = self.cache.store.put_in_parts(&self.key(&job.digest), job.size)?;
        let upload = parts.map(|parts| Upload { parts, meter: self.start(job, Action::Upload) });
        sending.upload.get_or_init(|| upload);
        sending.bell.ring();
        Ok(())
    }

    fn verifies(&self) -> bool {
        self.cache.options.verify_source
    }

    /// `None` when the store refused: an old blob is still a good blob, so that is a warning, and only the first one.
    fn touch(&self, job: &Job) -> Result<Option<Touch>> {
        let Some(meta) = &job.meta else { return Ok(None) };
        if self.refused.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.cache.store.touch(&self.key(&job.digest), meta) {
            Ok(touch) => {
                if touch == Touch::Done {
                    self.cache.context.finished(&job.digest, Action::Touch, job.size);
                }
                Ok(Some(touch))
            }
            Err(Error::Canceled) => Err(Error::Canceled),
            Err(error) => {
                if !self.refused.swap(true, Ordering::Relaxed) {
                    let context = &self.cache.context;
                    context.warn(&format!("blobs already there could not be touched, they may expire: {error}"));
                }
                Ok(None)
            }
        }
    }

    /// Whether the blob in the store has its digest.
    fn verify(&self, job: &Job, stop: &Stop<'_>) -> Result<bool> {
        let (cache, key) = (self.cache, self.key(&job.digest));
        let Some(mut reader) = ResumingReader::open(cache.store.clone(), cache.context.clone(), key)? else {
            return Ok(false);
        };
        let meter = self.start(job, Action::Verify);
        let part = PartMeter::new(&meter);
        let read = reader.digest(stop, |position| part.at(position))?;
        if read != job.digest {
            let location = cache.store.location(&self.key(&job.digest));
            cache.context.warn(&format!("{location} does not have its digest and is replaced"));
        }
        meter.finish();
        Ok(read == job.digest)
    }
}

impl<'a> Work for Sender<'a> {
    type Job = Job;
    type Open = Sending<'a>;
    type Done = Done;

    fn begin(&self, job: Job, stop: &Stop<'_>) -> Result<Next<Self>> {
        let _connection = self.connections.take(stop)?;
        if job.step == Step::Upload || (job.step == Step::Verify && !self.verify(&job, stop)?) {
            return self.upload(job, stop);
        }
        if !job.touch {
            return Ok(Next::Done(Done::Left));
        }
        match self.touch(&job)? {
            Some(Touch::Done) => Ok(Next::Done(Done::Touched)),
            Some(Touch::Gone | Touch::Unsupported) => self.upload(job, stop),
            None => Ok(Next::Done(Done::Left)),
        }
    }

    fn chunk(&self, sending: &Sending<'a>, index: usize, stop: &Stop<'_>) -> Result<()> {
        if index == 0 {
            self.begin_upload(sending, stop)?;
        }
        if let Some(None) = sending.upload.get() {
            return Ok(());
        }
        let (digest, range) = (sending.job.digest, sending.parts.range(index));
        let mut hasher = Hasher::new();
        let processor = self.processors.take(stop)?;
        read_range(self.source, &digest, range.clone(), stop, |bytes| hasher.update(bytes))?;
        drop(processor);
        let sha256 = hasher.finish();
        if let Some(hash) = sending.hashes.get(index) {
            hash.get_or_init(|| sha256);
            sending.bell.ring();
        }
        let Some(upload) = sending.bell.wait_for(stop, || sending.upload.get())? else { return Ok(()) };
        let payload = PartPayload {
            source: self.source,
            digest,
            range: range.clone(),
            sha256,
            verify: self.verifies(),
            meter: PartMeter::new(&upload.meter),
            stop,
        };
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let _connection = self.connections.take(stop)?;
        upload.parts.put_part(number, range.start, &payload)
    }

    fn asides(&self) -> usize {
        self.ahead
    }

    /// Hashes the whole: no store can check it, for it sees hashes of parts only. The same bytes must have those, with
    /// which the parts were signed and sent.
    fn aside(&self, sending: &Sending<'a>, stop: &Stop<'_>) -> Result<()> {
        if sending.hashes.is_empty() || sending.bell.wait_for(stop, || sending.upload.get())?.is_none() {
            return Ok(());
        }
        let digest = &sending.job.digest;
        let mut whole = Hasher::new();
        for (index, hash) in sending.hashes.iter().enumerate() {
            let sent = sending.bell.wait_for(stop, || hash.get())?;
            let mut part = Hasher::new();
            read_range(self.source, digest, sending.parts.range(index), stop, |bytes| {
                whole.update(bytes);
                part.update(bytes);
            })?;
            if part.finish() != *sent {
                return Err(changed(digest));
            }
        }
        if whole.finish() == *digest { Ok(()) } else { Err(damaged(wrong_digest(digest))) }
    }

    fn end(&self, sending: Sending<'a>, stop: &Stop<'_>) -> Result<Next<Self>> {
        let Sending { job, stamp, upload, .. } = sending;
        let _connection = self.connections.take(stop)?;
        stop.check()?;
        if let Some(upload) = upload.into_inner().flatten() {
            if self.source.blob_stamp(&job.digest)? != stamp {
                return Err(changed(&job.digest));
            }
            upload.parts.complete()?;
            upload.meter.finish();
        } else {
            self.put(&job, stop)?;
        }
        Ok(Next::Done(Done::uploaded(&job)))
    }
}

fn changed(blob: &Digest) -> Error {
    damaged(format!("the local blob {blob} changed while it was uploaded"))
}
