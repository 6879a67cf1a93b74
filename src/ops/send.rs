//! What an export does with each blob: upload it, whole or in parts, touch it, or read it back.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::base::{Action, BlobSource, Digest, Error, OrderedHasher, Parts, Problem, Result};
use crate::ops::cache::S3Cache;
use crate::ops::download::ResumingReader;
use crate::ops::meter::{Meter, PartMeter};
use crate::ops::upload::{BlobPayload, PartPayload, read_range, read_some, wrong_digest};
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
    upload: Box<dyn PartsUpload + 'a>,
    parts: Parts,
    /// Of the whole: no store can check it, for it sees hashes of parts only.
    hasher: OrderedHasher,
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
        let chunks = jobs.iter().map(|job| parts(job).unwrap_or(1)).fold(0_usize, usize::saturating_add);
        let ahead = if jobs.iter().any(|job| parts(job).is_some()) { self.ahead } else { 0 };
        chunks.min(self.cache.connections.saturating_add(ahead))
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
        if let Some(parts) = self.parts(&job)
            && let Some(upload) = self.cache.store.put_in_parts(&self.key(&job.digest), job.size)?
        {
            let meter = self.start(&job, Action::Upload);
            let sending = Sending { job, upload, parts, hasher: OrderedHasher::default(), meter };
            return Ok(Next::Chunks(sending, parts.count()));
        }
        self.put(&job, stop)?;
        Ok(Next::Done(Done::Uploaded { replaced: job.step != Step::Upload }))
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

    /// Reads the blob back where its parts were not hashed in order.
    fn catch_up(&self, sending: &Sending<'a>) -> Result<()> {
        let mut open = self.read_back(sending);
        sending.hasher.catch_up(&mut open)
    }

    fn read_back<'s>(&'s self, sending: &'s Sending<'a>) -> impl FnMut(u64, &mut [u8]) -> Result<usize> + 's {
        let mut reader = None;
        let mut position = 0;
        move |offset, buffer| {
            let digest = &sending.job.digest;
            let mut from = match reader.take() {
                Some(reader) if position == offset => reader,
                _ => self.source.open_blob_at(digest, offset)?,
            };
            let read = read_some(&mut *from, digest, buffer)?;
            position = offset + read as u64;
            reader = Some(from);
            Ok(read)
        }
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
        let (digest, range) = (sending.job.digest, sending.parts.range(index));
        let arrive = |offset, bytes: &[u8]| sending.hasher.arrive(offset, bytes);
        let sha256 = {
            let _processor = self.processors.take(stop)?;
            let sha256 = read_range(self.source, &digest, range.clone(), stop, arrive)?;
            self.catch_up(sending)?;
            sha256
        };
        let payload = PartPayload {
            source: self.source,
            digest,
            range: range.clone(),
            sha256,
            verify: self.cache.options.verify_source,
            meter: PartMeter::new(&sending.meter),
            stop,
        };
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let _connection = self.connections.take(stop)?;
        sending.upload.put_part(number, range.start, &payload)
    }

    fn end(&self, sending: Sending<'a>, stop: &Stop<'_>) -> Result<Next<Self>> {
        let digest = sending.hasher.finish(sending.job.size, &mut self.read_back(&sending))?;
        if digest != Some(sending.job.digest) {
            return Err(Error::Integrity(
                Problem::new(wrong_digest(&sending.job.digest))
                    .hint("the local cache is damaged or in use: build it again"),
            ));
        }
        let _connection = self.connections.take(stop)?;
        stop.check()?;
        sending.upload.complete()?;
        sending.meter.finish();
        Ok(Next::Done(Done::Uploaded { replaced: sending.job.step != Step::Upload }))
    }
}
