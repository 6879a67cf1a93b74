//! What an export does with each blob: upload it, whole or in parts, touch it, or read it back.

use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::base::{Action, Arrivals, BlobSource, Digest, Error, Hasher, Parts, Result};
use crate::ops::cache::S3Cache;
use crate::ops::download::ResumingReader;
use crate::ops::meter::{Meter, PartMeter};
use crate::ops::upload::{BlobPayload, PartPayload, damaged, hash_range, wrong_digest};
use crate::store::{ObjectMeta, PartsUpload, Touch};
use crate::transfer::{Next, Permits, Stop, Work};

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
    /// What the source said of the blob before it was read.
    stamp: Option<u64>,
    /// Begun by the first part's thread, while the others hash theirs. Nothing where the store has no such uploads, or
    /// where that failed.
    upload: OnceLock<Option<Box<dyn PartsUpload + 'a>>>,
    parts: Parts,
    /// The parts that were hashed. The whole is hashed behind them, so that what changes until then is noticed.
    hashed: Arrivals,
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
            verify: self.cache.options.verify_source,
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
            let (upload, hashed) = (OnceLock::new(), Arrivals::default());
            let meter = self.start(&job, Action::Upload);
            return Ok(Next::Chunks(Sending { job, stamp, upload, parts, hashed, meter }, parts.count()));
        }
        self.put(&job, stop)?;
        Ok(Next::Done(Done::uploaded(&job)))
    }

    fn begin_upload(&self, sending: &Sending<'a>, stop: &Stop<'_>) -> Result<()> {
        let connection = self.connections.take(stop);
        let begun = connection.and_then(|_connection| {
            let Job { digest, size, .. } = &sending.job;
            self.cache.store.put_in_parts(&self.key(digest), *size)
        });
        let (upload, result) = match begun {
            Ok(upload) => (upload, Ok(())),
            Err(error) => (None, Err(error)),
        };
        // Others wait for it, however it went.
        sending.upload.get_or_init(|| upload);
        result
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
        let (digest, range) = (sending.job.digest, sending.parts.range(index));
        if let Some(None) = sending.upload.get() {
            sending.hashed.insert(range);
            return Ok(());
        }
        let mut hasher = Hasher::new();
        let processor = self.processors.take(stop)?;
        hash_range(self.source, &digest, range.clone(), &mut hasher, stop)?;
        drop(processor);
        sending.hashed.insert(range.clone());
        let Some(upload) = sending.upload.wait() else { return Ok(()) };
        let payload = PartPayload {
            source: self.source,
            digest,
            range: range.clone(),
            sha256: hasher.finish(),
            verify: self.cache.options.verify_source,
            meter: PartMeter::new(&sending.meter),
            stop,
        };
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let _connection = self.connections.take(stop)?;
        upload.put_part(number, range.start, &payload)
    }

    fn asides(&self) -> usize {
        if self.cache.options.verify_source { self.ahead } else { 0 }
    }

    /// Hashes the whole: no store can check it, for it sees hashes of parts only.
    fn aside(&self, sending: &Sending<'a>, stop: &Stop<'_>) -> Result<()> {
        let Job { digest, size, .. } = &sending.job;
        let (mut hasher, mut position) = (Hasher::new(), 0);
        while position < *size {
            let end = sending.hashed.wait_past(position, || stop.check())?;
            hash_range(self.source, digest, position..end, &mut hasher, stop)?;
            position = end;
        }
        if hasher.finish() == *digest { Ok(()) } else { Err(damaged(wrong_digest(digest))) }
    }

    fn end(&self, sending: Sending<'a>, stop: &Stop<'_>) -> Result<Next<Self>> {
        let Sending { job, stamp, upload, meter, .. } = sending;
        let _connection = self.connections.take(stop)?;
        stop.check()?;
        if let Some(upload) = upload.into_inner().flatten() {
            if self.source.blob_stamp(&job.digest)? != stamp {
                return Err(damaged(format!("the local blob {} changed while it was uploaded", job.digest)));
            }
            upload.complete()?;
            meter.finish();
        } else {
            self.put(&job, stop)?;
        }
        Ok(Next::Done(Done::uploaded(&job)))
    }
}
