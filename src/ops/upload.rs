//! A blob, or a part of one, on its way to the store.

use std::io::{self, Read};
use std::ops::Range;

use crate::base::{Action, BlobSource, Digest, Error, Event, Hasher, Payload, Problem, Progress, Result};
use crate::ops::meter::PartMeter;
use crate::transfer::Stop;

const DAMAGED: &str = "the local cache is damaged or in use: build it again";
/// Large enough for few system calls.
const CHUNK_BYTES: usize = 128 * 1024;

/// A blob of a source as a request body: opened anew for each attempt, its digest the payload hash.
pub(super) struct BlobPayload<'a> {
    pub(super) source: &'a dyn BlobSource,
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// Hash while sending and hold the last bytes back until the digest is known to be right.
    pub(super) verify: bool,
    pub(super) progress: &'a dyn Progress,
    pub(super) stop: &'a Stop<'a>,
}

impl Payload for BlobPayload<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn sha256(&self) -> Digest {
        self.digest
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let inner = self.source.open_blob(&self.digest).map_err(io::Error::other)?;
        let (digest, total) = (&self.digest, self.size);
        self.progress.event(&Event::Started { digest, action: Action::Upload, total });
        let at = move |current| self.progress.event(&Event::Advanced { digest, current, total });
        let check = self.verify.then(|| Check::new(digest, digest, total));
        Ok(Box::new(Upload { inner, stop: self.stop, sent: 0, at, check }))
    }
}

/// A part of a blob, which was read once to hash it.
pub(super) struct PartPayload<'a> {
    pub(super) source: &'a dyn BlobSource,
    pub(super) digest: Digest,
    pub(super) range: Range<u64>,
    /// Of the part.
    pub(super) sha256: Digest,
    /// As that of [`BlobPayload`].
    pub(super) verify: bool,
    pub(super) meter: PartMeter<'a>,
    pub(super) stop: &'a Stop<'a>,
}

impl Payload for PartPayload<'_> {
    fn size(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn sha256(&self) -> Digest {
        self.sha256
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let inner = self.source.open_blob_at(&self.digest, self.range.start).map_err(io::Error::other)?;
        let check = self.verify.then(|| Check::new(&self.digest, &self.sha256, self.size()));
        let at = |sent| self.meter.at(sent);
        Ok(Box::new(Upload { inner: inner.take(self.size()), stop: self.stop, sent: 0, at, check }))
    }
}

struct Upload<'a, R, F> {
    inner: R,
    stop: &'a Stop<'a>,
    sent: u64,
    at: F,
    check: Option<Check<'a>>,
}

impl<R: Read, F: FnMut(u64)> Read for Upload<'_, R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stop.check().map_err(io::Error::other)?;
        let read = self.inner.read(buffer)?;
        if let Some(check) = &mut self.check {
            check.pass(buffer.get(..read).unwrap_or_default())?;
        }
        self.sent += read as u64;
        (self.at)(self.sent);
        Ok(read)
    }
}

/// Lets the last bytes pass only when all of them are right: without them the store has no complete body.
struct Check<'a> {
    blob: &'a Digest,
    sha256: &'a Digest,
    hasher: Hasher,
    left: u64,
}

impl<'a> Check<'a> {
    fn new(blob: &'a Digest, sha256: &'a Digest, size: u64) -> Self {
        Self { blob, sha256, hasher: Hasher::new(), left: size }
    }

    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.left = self.left.saturating_sub(bytes.len() as u64);
        if self.left == 0 && !bytes.is_empty() && self.hasher.clone().finish() != *self.sha256 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, wrong_digest(self.blob)));
        }
        Ok(())
    }
}

pub(super) fn wrong_digest(blob: &Digest) -> String {
    format!("the local blob {blob} does not have its digest")
}

/// Reads a range of a blob, piece by piece.
///
/// # Errors
/// When it cannot be read, is shorter than that, or `stop` says so.
pub(super) fn read_range(
    source: &dyn BlobSource,
    digest: &Digest,
    range: Range<u64>,
    stop: &Stop<'_>,
    mut each: impl FnMut(&[u8]),
) -> Result<()> {
    let mut left = range.end - range.start;
    let mut reader = source.open_blob_at(digest, range.start)?.take(left);
    let mut buffer = vec![0; CHUNK_BYTES];
    while left > 0 {
        stop.check()?;
        let read = read_some(&mut reader, digest, &mut buffer)?;
        each(buffer.get(..read).unwrap_or_default());
        left -= read as u64;
    }
    Ok(())
}

/// Reads at least one byte.
fn read_some(reader: &mut dyn Read, digest: &Digest, buffer: &mut [u8]) -> Result<usize> {
    loop {
        match reader.read(buffer) {
            Ok(0) => return Err(damaged(format!("the local blob {digest} is shorter than it was"))),
            Ok(read) => return Ok(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let message = format!("the local blob {digest} cannot be read");
                return Err(Error::Integrity(Problem::new(message).source(error).hint(DAMAGED)));
            }
        }
    }
}

pub(super) fn damaged(message: String) -> Error {
    Error::Integrity(Problem::new(message).hint(DAMAGED))
}
