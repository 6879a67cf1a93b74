//! Reads objects: resumes broken connections and checks blobs against their digests.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::base::{Cancel, Clock, Digest, Error, ErrorKind, Hasher, Result, reader_from_fn};
use crate::object::{GetOptions, Object, ObjectStore, Version};
use crate::store::limit::Limited;
use crate::transfer::Run;

/// The maximum number of consecutive breaks that each yield less than [`PROGRESS_BYTES`].
const MAX_BREAKS: u32 = 3;
/// The minimum that counts as progress. Without it, a server that sends a few bytes at a time would be retried forever.
const PROGRESS_BYTES: u64 = 64 * 1024;
/// Large enough to need few system calls, small enough that the default of 16 connections uses 4 MiB.
const CHUNK_BYTES: usize = 256 * 1024;
/// How long to collect more bytes before passing on those received. A read that has already begun may take longer.
const SOON: Duration = Duration::from_millis(50);
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Reads an object or a range of one. If the connection breaks, it requests the rest. If the object's size has changed
/// by then, that is an error of kind [`Conflict`](ErrorKind::Conflict).
///
/// Entity tags are only hints: stores may send weak ones, a different one with each response, or none. The digest of
/// the whole decides whether the bytes belong together.
pub(crate) struct ResumingReader {
    store: Arc<Limited>,
    clock: Arc<dyn Clock>,
    cancel: Cancel,
    key: String,
    /// What the first response said about the object. The readers of its ranges share it.
    object: Arc<OnceLock<Seen>>,
    /// The bytes have no digest, so a different entity tag means that the object changed.
    trusts_etag: bool,
    /// Gets the next connection that is free.
    urgent: bool,
    position: u64,
    /// Where the range ends, or `None` for the whole object.
    range_end: Option<u64>,
    /// The store sends the whole object instead of the requested range.
    whole: bool,
    breaks: u32,
    /// The position of the last break.
    broke_at: u64,
    body: Option<Box<dyn Read + Send>>,
}

struct Seen {
    /// The size of the whole object.
    size: u64,
    version: Option<Version>,
    /// The bytes must come from this version, also if the store does not report any.
    required: bool,
    /// A response had another version, or none.
    varies: AtomicBool,
}

impl ResumingReader {
    /// Returns a reader of an object. It sends no request before it is opened or read.
    pub(crate) fn new(store: Arc<Limited>, clock: Arc<dyn Clock>, cancel: Cancel, key: String) -> Self {
        Self {
            store,
            clock,
            cancel,
            key,
            object: Arc::default(),
            trusts_etag: false,
            urgent: false,
            position: 0,
            range_end: None,
            whole: false,
            breaks: 0,
            broke_at: 0,
            body: None,
        }
    }

    /// Returns a reader of another range of the same object. It sends no request before it is opened or read.
    pub(crate) fn another(&self, range: Range<u64>) -> Self {
        Self { position: range.start, range_end: Some(range.end), broke_at: range.start, ..self.whole() }
    }

    /// Returns a reader of the same object from its start. It sends no request before it is opened or read.
    pub(crate) fn whole(&self) -> Self {
        let (store, clock, cancel) = (self.store.clone(), self.clock.clone(), self.cancel.clone());
        let (object, trusts_etag) = (self.object.clone(), self.trusts_etag);
        Self { object, trusts_etag, ..Self::new(store, clock, cancel, self.key.clone()) }
    }

    /// Requests the bytes, unless that has been done. Returns `false` if the object does not exist.
    ///
    /// # Errors
    /// If the object is archived or has changed, or the store refuses or fails.
    pub(crate) fn open(&mut self) -> Result<bool> {
        if self.body.is_some() {
            return Ok(true);
        }
        let Some(object) = self.get_rest().map_err(|error| self.named(error))? else { return Ok(false) };
        let Object { size, version, whole, body, .. } = object;
        let first = || Seen { size, version: version.clone(), required: false, varies: AtomicBool::new(false) };
        let seen = self.object.get_or_init(first);
        let other_version = version != seen.version;
        let contradicts = other_version && ((seen.version.is_some() && version.is_some()) || seen.required);
        if size != seen.size || (self.trusts_etag && contradicts) {
            return Err(self.changed());
        }
        if other_version {
            seen.varies.store(true, Ordering::Relaxed);
        }
        (self.whole, self.body) = (whole, Some(body));
        Ok(true)
    }

    /// Same as [`open`](Self::open), but also returns `false` if the object is archived.
    pub(crate) fn open_unless_archived(&mut self) -> Result<bool> {
        match self.open() {
            Err(error) if error.kind() == ErrorKind::Archived => Ok(false),
            opened => opened,
        }
    }

    /// Returns the object's location for messages.
    pub(crate) fn location(&self) -> String {
        self.store.location(&self.key)
    }

    /// Returns the size of the whole object in bytes; zero before it was opened.
    pub(crate) fn size(&self) -> u64 {
        self.object.get().map_or(0, |seen| seen.size)
    }

    /// Returns the version of the object; `None` before it was opened, or if the store does not report one.
    pub(crate) fn version(&self) -> Option<Version> {
        self.object.get().and_then(|seen| seen.version.clone())
    }

    /// Returns the strong version that all bytes read so far came from; `None` if that is not known.
    pub(crate) fn only_version(&self) -> Option<Version> {
        let seen = self.object.get().filter(|seen| !seen.varies.load(Ordering::Relaxed))?;
        seen.version.clone().filter(Version::is_strong)
    }

    /// Makes any other version of the object an error of kind [`Conflict`](ErrorKind::Conflict), also for the readers
    /// of its ranges. Nothing must have been read yet.
    pub(crate) fn requiring(mut self, size: u64, version: Version) -> Self {
        let seen = Seen { size, version: Some(version), required: true, varies: AtomicBool::new(false) };
        self.object = Arc::new(OnceLock::from(seen));
        self.trusts_etag = true;
        self
    }

    /// Returns whether the reader holds a connection.
    pub(crate) fn is_open(&self) -> bool {
        self.body.is_some()
    }

    /// Gives up the connection. The next read requests the rest.
    pub(crate) fn pause(&mut self) {
        self.body = None;
    }

    /// Sets whether requests get the next connection that is free, before those of others.
    pub(crate) fn set_urgent(&mut self, urgent: bool) {
        self.urgent = urgent;
    }

    /// Returns where the bytes to read end.
    fn end(&self) -> u64 {
        self.range_end.map_or(self.size(), |end| if self.object.get().is_some() { end.min(self.size()) } else { end })
    }

    /// Returns the position of the next read.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Returns whether the store sends the whole object in response to a range request.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Reads the rest and returns its digest. Reports the position to `at`.
    ///
    /// # Errors
    /// If the store fails or the run stops.
    pub(crate) fn digest(&mut self, run: &Run<'_>, mut at: impl FnMut(u64)) -> Result<Digest> {
        let mut hasher = Hasher::new();
        self.copy_to(run, |chunk, position| {
            hasher.update(chunk);
            at(position);
            Ok(())
        })?;
        Ok(hasher.finish())
    }

    /// Passes the rest to `sink` in chunks, each with the position after it.
    ///
    /// # Errors
    /// If the store fails, the run stops, or `sink` fails.
    pub(crate) fn copy_to(&mut self, run: &Run<'_>, mut sink: impl FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        // No larger than the rest: most blobs are small, and each connection has a buffer.
        let left = usize::try_from(self.end().saturating_sub(self.position)).unwrap_or(CHUNK_BYTES);
        let mut buffer = vec![0; left.clamp(1, CHUNK_BYTES)];
        loop {
            run.check()?;
            let (read, failed) = self.fill(&mut buffer);
            if read > 0 {
                sink(buffer.get(..read).unwrap_or_default(), self.position)?;
            }
            match failed {
                Some(error) => return Err(self.failed(error)),
                None if read == 0 => return Ok(()),
                None => {}
            }
        }
    }

    /// Fills the buffer with the bytes that arrive soon, because TLS delivers them in small pieces. Also returns the
    /// error that came after them, if any.
    fn fill(&mut self, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
        let begun = Instant::now();
        let mut filled = 0;
        loop {
            match self.read(buffer.get_mut(filled..).unwrap_or_default()) {
                Ok(read) => {
                    filled += read;
                    if read == 0 || filled == buffer.len() || begun.elapsed() > SOON {
                        return (filled, None);
                    }
                }
                Err(error) => return (filled, Some(error)),
            }
        }
    }

    /// Makes a changed entity tag an error of kind [`Conflict`](ErrorKind::Conflict), for objects without a digest.
    pub(crate) fn trusting_etag(mut self, trusts: bool) -> Self {
        self.trusts_etag = trusts;
        self
    }

    /// Reads the rest into memory, up to `limit` bytes.
    ///
    /// # Errors
    /// If the store fails or the object is larger.
    pub(crate) fn read_to_vec(mut self, limit: u64) -> Result<Vec<u8>> {
        let size = self.size();
        if size > limit {
            let location = self.location();
            let message = format!("{location} has {size} bytes, more than the {limit} that are read");
            return Err(Error::integrity(message).with_hint("this is not a cache manifest: check the name"));
        }
        // Allocated once, because growing to the size of a large manifest would fragment the heap.
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        let read = reader_from_fn(|buffer| self.read(buffer)).read_to_end(&mut bytes);
        match read {
            Ok(_) => Ok(bytes),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Returns the crate's error behind a failed read.
    pub(crate) fn failed(&self, error: io::Error) -> Error {
        if self.cancel.is_cancelled() {
            return Error::Cancelled;
        }
        match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::NotFound) => {
                Error::integrity(error.to_string())
            }
            Err(error) => {
                let location = self.location();
                let message = format!("the connection broke at byte {} of {location}", self.position);
                Error::network(message).with_source(error).with_hint("run the command again")
            }
        }
    }

    /// Requests the rest of the same object if its tag can be compared, or else the rest of the current object.
    fn get_rest(&self) -> Result<Option<Object>> {
        self.store.get_with(self.urgent, |store| {
            // It may have waited long for the connection.
            self.cancel.check()?;
            let seen = self.object.get();
            let mut options = match self.range_end {
                None if self.position == 0 => GetOptions::default(),
                _ => GetOptions::range(self.position..self.end()),
            };
            if !self.store.distrusts_etags() {
                options.if_match = seen.and_then(|seen| seen.version.clone()).filter(Version::is_strong);
            }
            match store.get(&self.key, &options) {
                Err(error) if options.if_match.is_some() && self.goes_without_condition(&error) => {
                    log::info!(
                        "{}: the store refuses the condition; checking size and digest instead: {error}",
                        self.location()
                    );
                    options.if_match = None;
                    let result = store.get(&self.key, &options);
                    if result.is_ok() || is_failed_condition(&error) {
                        self.store.distrust_etags();
                    }
                    result
                }
                result => result,
            }
        })
    }

    /// Returns whether to repeat a refused range request without its condition. If the tag is trusted, a mismatch means
    /// that the object changed. A store that refuses the condition itself reveals nothing about the object.
    fn goes_without_condition(&self, error: &Error) -> bool {
        if is_failed_condition(error) { !self.trusts_etag } else { error.may_concern_range() }
    }

    fn changed(&self) -> Error {
        let message = format!("{} changed while it was read", self.location());
        Error::conflict(message).with_hint("run the command again")
    }

    /// A failed condition means that the object has changed.
    fn named(&self, error: Error) -> Error {
        if is_failed_condition(&error) { self.changed() } else { error }
    }

    fn broke(&mut self, error: io::Error) -> io::Result<()> {
        self.cancel.check().map_err(io::Error::other)?;
        let progress = self.position - self.broke_at;
        self.breaks = if progress < PROGRESS_BYTES { self.breaks + 1 } else { 1 };
        self.broke_at = self.position;
        if self.breaks >= MAX_BREAKS {
            return Err(error);
        }
        log::info!("{} broke at byte {}: {error}", self.location(), self.position);
        self.clock.sleep(FIRST_PAUSE * self.breaks, &self.cancel);
        Ok(())
    }
}

impl Read for ResumingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position < self.end() && !buffer.is_empty() {
            self.cancel.check().map_err(io::Error::other)?;
            if !self.open().map_err(io::Error::other)? {
                return Err(io::Error::new(io::ErrorKind::NotFound, format!("{} is gone", self.location())));
            }
            let Some(mut body) = self.body.take() else { continue };
            let left = usize::try_from(self.end().saturating_sub(self.position)).unwrap_or(usize::MAX);
            let window = buffer.len().min(left);
            match body.read(buffer.get_mut(..window).unwrap_or_default()) {
                Ok(0) => self.broke(io::ErrorKind::UnexpectedEof.into())?,
                Ok(read) => {
                    self.position += read as u64;
                    // Reading the last byte drains the body, so that its connection can serve the next request.
                    self.body = Some(body);
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => self.body = Some(body),
                Err(error) => self.broke(error)?,
            }
        }
        if self.position >= self.end()
            && let Some(mut body) = self.body.take()
        {
            let mut end = [0; 1];
            if body.read(&mut end).unwrap_or(0) > 0 {
                let message = format!("{} is longer than the store announced", self.location());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(0)
    }
}

fn is_failed_condition(error: &Error) -> bool {
    error.kind() == ErrorKind::PreconditionFailed
}
