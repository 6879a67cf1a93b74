//! Sends the blobs of an export: uploads each whole or in parts, touches it, or reads it back.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use crate::base::{Action, Digest, Error, ErrorKind, Event, Hasher, Parts, Result};
use crate::object::{BlobSource, MultipartUpload, PutMode};
use crate::ops::cache::S3Cache;
use crate::ops::download::ResumingReader;
use crate::ops::job::{Job, Step, Tally};
use crate::ops::meter::{Meter, PartMeter};
use crate::ops::persist::{is_damaged, passes, passes_or_damaged_once, persist};
use crate::ops::report::Report;
use crate::ops::rounds::{self, Streak, Tried};
use crate::ops::upload::{BlobPayload, PartPayload, changed, check_source, read_range, wrong_digest};
use crate::transfer::{Bell, Next, Permits, Stop, Work};

/// After this many failed touches in a row, the store is assumed to refuse them.
const MOST_FAILED_TOUCHES: usize = 8;

/// Sends the blobs of one export.
pub(super) struct Sender<'a> {
    cache: &'a S3Cache,
    source: &'a dyn BlobSource,
    /// The store has refused a touch.
    refused: AtomicBool,
    /// The number of consecutive failed touches.
    failed_touches: AtomicUsize,
    streak: Streak,
    tally: Mutex<Tally>,
    /// For work that waits for the store.
    connections: Permits,
    /// For work that uses a processor. Each one hashes parts in sequence, so that the first part is sent soon and
    /// hashing stays ahead of the connections, which then never wait for a hash.
    processors: Permits,
    ahead: usize,
}

/// A blob that is uploaded in parts.
pub(super) struct Sending<'a> {
    job: Job,
    parts: Parts,
    /// The source's stamp of the blob before it was read.
    stamp: Option<u64>,
    /// Started by the first part's thread while the others hash theirs. `None` if the store does not support multipart
    /// uploads.
    upload: OnceLock<Option<Upload<'a>>>,
    /// The hash that each part was signed with. Only used if the whole blob is verified: on request, or if the source
    /// cannot tell whether the blob has changed.
    hashes: Vec<OnceLock<Digest>>,
    /// Rung for each hash.
    bell: Bell,
}

/// A multipart upload started at the store.
struct Upload<'a> {
    parts: Box<dyn MultipartUpload + 'a>,
    meter: Meter<'a>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(cache: &'a S3Cache, source: &'a dyn BlobSource) -> Self {
        let ahead = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            cache,
            source,
            refused: AtomicBool::new(false),
            failed_touches: AtomicUsize::new(0),
            streak: Streak::default(),
            tally: Mutex::default(),
            connections: Permits::new(cache.connections),
            processors: Permits::new(ahead),
            ahead,
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
        let ended = rounds::run(jobs, &self.cache.context, self, &self.streak, |jobs| self.threads(jobs))?;
        let (touches, others): (Vec<_>, Vec<_>) =
            ended.failed.into_iter().partition(|(job, error)| job.step == Step::Touch && error.is_some());
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

    fn uploaded(&self, job: &Job) -> Next<Self> {
        self.streak.broken();
        let mut tally = lock(&self.tally);
        tally.uploaded += 1;
        tally.bytes = job.size.saturating_add(tally.bytes);
        tally.replaced += usize::from(job.replaces);
        Next::Done(Tried::Done(()))
    }

    fn failed(&self, job: Job, error: Error) -> Result<Next<Self>> {
        if !passes(&error) {
            return Err(error);
        }
        if job.step != Step::Touch && self.streak.failed() {
            self.streak.trip();
        }
        Ok(Next::Done(Tried::failed(job, error, true)))
    }

    /// Returns the number of threads to use.
    fn threads(&self, jobs: &[Job]) -> usize {
        let parts = |job: &Job| self.parts(job).map(|parts| parts.count());
        let large = jobs.iter().filter(|job| parts(job).is_some()).count();
        let asides = large.min(self.asides());
        let chunks = jobs.iter().map(|job| parts(job).unwrap_or(1)).fold(asides, usize::saturating_add);
        let beside = if large > 0 { self.ahead + asides } else { 0 };
        chunks.min(self.cache.connections.saturating_add(beside))
    }

    /// Returns the parts, or `None` if the blob fits in one request.
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
        self.cache.store.put(&self.key(&job.digest), &payload, &PutMode::Overwrite)?;
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
        Ok(self.uploaded(&job))
    }

    fn begin_upload(&self, sending: &Sending<'a>, stop: &Stop<'_>) -> Result<()> {
        let job = &sending.job;
        let key = self.key(&job.digest);
        let parts = persist(&self.cache.context, passes, || {
            let _connection = self.connections.take(stop)?;
            let parts = self.cache.store.put_in_parts(&key, job.size, &PutMode::Overwrite).map(Some);
            parts.or_else(|error| if error.kind() == ErrorKind::Unsupported { Ok(None) } else { Err(error) })
        })?;
        let upload = parts.map(|parts| Upload { parts, meter: self.start(job, Action::Upload) });
        sending.upload.get_or_init(|| upload);
        sending.bell.ring();
        Ok(())
    }

    fn verifies(&self) -> bool {
        self.cache.options.verify_source
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
            cache.context.warn(&format!("{location} is corrupt (wrong digest); replacing it"));
        }
        meter.finish();
        Ok(read == job.digest)
    }
}

impl<'a> Sender<'a> {
    /// Runs one step after the other. If a step fails, the job stays at that step.
    fn take_steps(&self, job: &mut Job, stop: &Stop<'_>) -> Result<Next<Self>> {
        if job.step == Step::Verify {
            job.step = match self.verify(job, stop)? {
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
        self.upload(job.clone(), stop)
    }

    fn left(&self) -> Next<Self> {
        self.streak.broken();
        Next::Done(Tried::Done(()))
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

impl<'a> Work for Sender<'a> {
    type Job = Job;
    type Open = Sending<'a>;
    type Done = Tried<Job, ()>;

    fn begin(&self, mut job: Job, stop: &Stop<'_>) -> Result<Next<Self>> {
        if self.streak.is_tripped() {
            return Ok(Next::Done(Tried::Untried(Box::new(job))));
        }
        let _connection = self.connections.take(stop)?;
        let mut taken = self.take_steps(&mut job, stop);
        // The bytes may have been damaged in transit.
        if taken.as_ref().is_err_and(is_damaged) {
            taken = self.take_steps(&mut job, stop);
        }
        match taken {
            Err(error) if passes(&error) && job.step != Step::Touch && self.streak.failed() => {
                // This may be an outage: the others wait for the next round, while this blob detects when it ends.
                self.streak.trip();
                match persist(&self.cache.context, passes, || self.take_steps(&mut job, stop)) {
                    Err(error) => self.failed(job, error),
                    next => next,
                }
            }
            Err(error) => self.failed(job, error),
            next => next,
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
        // Otherwise the blob would have to start over.
        persist(&self.cache.context, passes_or_damaged_once(), || {
            let _connection = self.connections.take(stop)?;
            upload.parts.put_part(number, range.start, &payload)
        })
    }

    fn asides(&self) -> usize {
        self.ahead
    }

    /// Hashes the whole blob. No store can check it, because stores only see the hashes of parts. The same bytes must
    /// also match the hashes that the parts were signed and sent with.
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
                return Err(changed(self.source, digest));
            }
        }
        if whole.finish() == *digest { Ok(()) } else { Err(wrong_digest(self.source, digest)) }
    }

    fn end(&self, sending: Sending<'a>, stop: &Stop<'_>) -> Result<Next<Self>> {
        let Sending { job, stamp, upload, .. } = sending;
        let _connection = self.connections.take(stop)?;
        stop.check()?;
        let ended = match upload.into_inner().flatten() {
            Some(_) if self.source.blob_stamp(&job.digest)? != stamp => Err(changed(self.source, &job.digest)),
            Some(upload) => upload.parts.complete().map(|_| upload.meter.finish()),
            None => self.put(&job, stop),
        };
        match ended {
            Ok(()) => Ok(self.uploaded(&job)),
            Err(error) => self.failed(job, error),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
