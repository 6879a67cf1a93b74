//! Request bodies for blobs and parts of blobs.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Mutex, OnceLock};

use crate::base::{Action, Digest, Error, Event, Hasher, Progress, Result, Unpoisoned as _, reader_from_fn};
use crate::object::{BlobSource, Payload};
use crate::ops::export::sum::{Sum, Summed};
use crate::ops::meter::PartMeter;
use crate::transfer::Run;

/// The number of bytes to read at once: large enough to need few system calls.
const CHUNK_BYTES: usize = 128 * 1024;

/// A blob as a request body. Each attempt reopens it from the source. Its digest is the payload hash.
pub(super) struct BlobPayload<'a> {
    pub(super) source: &'a dyn BlobSource,
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// Hash while sending, and hold back the last bytes until the digest is verified.
    pub(super) verify: bool,
    pub(super) progress: &'a dyn Progress,
    pub(super) run: &'a Run<'a>,
}

impl Payload for BlobPayload<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn sha256(&self) -> io::Result<Digest> {
        Ok(self.digest)
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let inner = opened(self.source, &self.digest, self.source.open_blob(&self.digest))?;
        if self.verify && self.size == 0 && self.digest != Digest::of(b"") {
            // Nothing is read of an empty body.
            return Err(io::Error::other(wrong_digest(self.source, &self.digest)));
        }
        let (digest, total) = (&self.digest, self.size);
        self.progress.event(&Event::Started { digest, action: Action::Upload, total });
        let at = Box::new(move |current| self.progress.event(&Event::Advanced { digest, current, total }));
        let check = self.verify.then(|| Observer::Verify(Hasher::new(), digest));
        let (source, run) = (self.source, self.run);
        Ok(UploadReader { source, digest, inner, run, size: total, sent: 0, at, check }.boxed())
    }
}

/// A part of a blob as a request body.
pub(super) struct PartPayload<'a> {
    pub(super) source: &'a dyn BlobSource,
    pub(super) digest: Digest,
    pub(super) range: Range<u64>,
    pub(super) meter: PartMeter<'a>,
    pub(super) run: &'a Run<'a>,
    /// The digest of the part, once it is known.
    pub(super) sha256: OnceLock<Digest>,
    /// What the last attempt sent.
    pub(super) sent: Mutex<Summed>,
}

impl PartPayload<'_> {
    /// Returns the sum of what the last attempt sent.
    pub(super) fn sent(&self) -> Summed {
        *self.sent.lock().unpoisoned()
    }
}

impl Payload for PartPayload<'_> {
    fn size(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn sha256(&self) -> io::Result<Digest> {
        if let Some(sha256) = self.sha256.get() {
            return Ok(*sha256);
        }
        let hashed = hash_range(self.source, &self.digest, self.range.clone(), self.run).map_err(io::Error::other)?;
        Ok(*self.sha256.get_or_init(|| hashed))
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let inner = self.source.open_blob_at(&self.digest, self.range.start);
        let size = self.size();
        let mut inner = opened(self.source, &self.digest, inner)?.take(size);
        let inner = reader_from_fn(move |buffer| inner.read(buffer));
        let check = Some(Observer::Sum(Sum::default(), &self.sent));
        let at = Box::new(|sent| self.meter.at(sent));
        let (source, digest, run) = (self.source, &self.digest, self.run);
        Ok(UploadReader { source, digest, inner, run, size, sent: 0, at, check }.boxed())
    }
}

struct UploadReader<'a> {
    source: &'a dyn BlobSource,
    digest: &'a Digest,
    inner: Box<dyn Read + Send + 'a>,
    run: &'a Run<'a>,
    size: u64,
    sent: u64,
    at: Box<dyn FnMut(u64) + Send + 'a>,
    check: Option<Observer<'a>>,
}

impl<'a> UploadReader<'a> {
    fn boxed(mut self) -> Box<dyn Read + Send + 'a> {
        reader_from_fn(move |buffer| self.read(buffer))
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.run.check().map_err(io::Error::other)?;
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match self.inner.read(buffer) {
            Ok(0) if self.sent < self.size => Err(shorter(self.source, self.digest)),
            Ok(read) if self.sent.saturating_add(read as u64) > self.size => {
                Err(damaged(self.source, format!("the local blob {} is longer than it was", self.digest)))
            }
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(unread(self.source, self.digest, error)),
            read => Ok(read?),
        };
        let read = read.map_err(io::Error::other)?;
        self.sent += read as u64;
        let (bytes, all) = (buffer.get(..read).unwrap_or_default(), self.sent == self.size);
        if let Some(check) = &mut self.check
            && !check.pass(bytes, all)
        {
            return Err(io::Error::other(wrong_digest(self.source, self.digest)));
        }
        (self.at)(self.sent);
        Ok(read)
    }
}

/// What is done with the bytes as they are sent.
enum Observer<'a> {
    /// Passes the last bytes only if all bytes are right. Without them, the store has no complete body.
    Verify(Hasher, &'a Digest),
    /// Notes the sum of all bytes.
    Sum(Sum, &'a Mutex<Summed>),
}

impl Observer<'_> {
    /// Returns `false` if these are the last bytes and the digest is wrong.
    fn pass(&mut self, bytes: &[u8], last: bool) -> bool {
        match self {
            Self::Verify(hasher, digest) => {
                hasher.update(bytes);
                !last || hasher.clone().finish() == **digest
            }
            Self::Sum(sum, sent) => {
                sum.update(bytes);
                if last {
                    *sent.lock().unpoisoned() = sum.clone().finish();
                }
                true
            }
        }
    }
}

/// Checks that the source has a blob of that size.
///
/// # Errors
/// If the source has no such blob, or one of another size.
pub(super) fn check_source(source: &dyn BlobSource, digest: &Digest, size: u64) -> Result<()> {
    match source.blob_size(digest)? {
        Some(found) if found == size => Ok(()),
        Some(found) => Err(damaged(source, format!("the local blob {digest} has {found} bytes instead of {size}"))),
        None => Err(damaged(source, format!("the local blob {digest} is missing"))),
    }
}

/// Reads a range of a blob in chunks.
///
/// # Errors
/// If the blob cannot be read, is too short, or the run stops.
pub(super) fn read_range(
    source: &dyn BlobSource,
    digest: &Digest,
    range: Range<u64>,
    run: &Run<'_>,
    mut each: impl FnMut(&[u8]),
) -> Result<()> {
    let mut left = range.end - range.start;
    let mut reader = source.open_blob_at(digest, range.start)?.take(left);
    let mut buffer = vec![0; CHUNK_BYTES];
    while left > 0 {
        run.check()?;
        let read = read_some(source, &mut reader, digest, &mut buffer)?;
        each(buffer.get(..read).unwrap_or_default());
        left -= read as u64;
    }
    Ok(())
}

/// Hashes a range of a blob.
///
/// # Errors
/// As [`read_range`].
pub(super) fn hash_range(source: &dyn BlobSource, digest: &Digest, range: Range<u64>, run: &Run<'_>) -> Result<Digest> {
    let mut hasher = Hasher::new();
    run.compute(|| read_range(source, digest, range, run, |bytes| hasher.update(bytes)))?;
    Ok(hasher.finish())
}

/// Reads at least one byte.
fn read_some(source: &dyn BlobSource, reader: &mut dyn Read, digest: &Digest, buffer: &mut [u8]) -> Result<usize> {
    loop {
        match reader.read(buffer) {
            Ok(0) => return Err(shorter(source, digest)),
            Ok(read) => return Ok(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unread(source, digest, error)),
        }
    }
}

/// Explains a blob that was there when the export began.
fn opened<R>(source: &dyn BlobSource, blob: &Digest, opened: Result<R>) -> io::Result<R> {
    opened.map_err(|error| match error {
        Error::Io(error) if error.source.kind() == io::ErrorKind::NotFound => {
            io::Error::other(damaged(source, format!("the local blob {blob} is gone")))
        }
        error => io::Error::other(error),
    })
}

pub(super) fn wrong_digest(source: &dyn BlobSource, blob: &Digest) -> Error {
    damaged(source, format!("the local blob {blob} does not match its digest"))
}

pub(super) fn changed(source: &dyn BlobSource, blob: &Digest) -> Error {
    damaged(source, format!("the local blob {blob} changed while it was uploaded"))
}

fn shorter(source: &dyn BlobSource, blob: &Digest) -> Error {
    damaged(source, format!("the local blob {blob} is shorter than it was"))
}

/// Returns the crate's own error if the source returned one.
fn unread(source: &dyn BlobSource, blob: &Digest, error: io::Error) -> Error {
    error
        .downcast::<Error>()
        .unwrap_or_else(|error| damaged(source, format!("the local blob {blob} cannot be read")).with_source(error))
}

/// Adds the source's repair hint, if it has one.
fn damaged(source: &dyn BlobSource, message: String) -> Error {
    let error = Error::integrity(message);
    match source.repair_hint() {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
