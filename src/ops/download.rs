//! Reading objects: a broken connection is resumed where it broke, a blob is checked against its digest.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Digest, Error, Hasher, Problem, Result};
use crate::ops::cache::Context;
use crate::store::{GetOptions, ObjectStore};
use crate::transfer::Stop;

/// How often in a row a body may break without yielding a byte.
const MAX_BREAKS: u32 = 3;
/// Large enough for few system calls, small enough for 64 connections in flat memory.
const CHUNK_BYTES: usize = 128 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The bytes of an object. When its connection breaks, the rest is asked for, unless the object has changed.
pub(super) struct ResumingReader {
    store: Arc<dyn ObjectStore>,
    context: Context,
    key: String,
    etag: Option<String>,
    size: u64,
    position: u64,
    breaks: u32,
    body: Option<Box<dyn Read + Send>>,
}

impl ResumingReader {
    /// Opens the object; `None` when it does not exist.
    pub(super) fn open(store: Arc<dyn ObjectStore>, context: Context, key: String) -> Result<Option<Self>> {
        let Some(object) = store.get(&key, &GetOptions::default())? else { return Ok(None) };
        let (size, etag, body) = (object.size, object.etag, Some(object.body));
        Ok(Some(Self { store, context, key, etag, size, position: 0, breaks: 0, body }))
    }

    /// The size of the object in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Reads the rest and returns its digest, telling how far it is.
    ///
    /// # Errors
    /// When the store fails, or `stop` says so.
    pub(super) fn digest(&mut self, stop: &Stop<'_>, mut at: impl FnMut(u64)) -> Result<Digest> {
        let mut hasher = Hasher::new();
        self.copy_to(stop, |chunk, position| {
            hasher.update(chunk);
            at(position);
            Ok(())
        })?;
        Ok(hasher.finish())
    }

    /// Hands the rest to `sink` chunk by chunk, with the position behind each.
    ///
    /// # Errors
    /// When the store fails, `stop` says so, or `sink` fails.
    pub(super) fn copy_to(&mut self, stop: &Stop<'_>, mut sink: impl FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            stop.check()?;
            let read = match self.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) => return Err(self.failed(error)),
            };
            sink(buffer.get(..read).unwrap_or_default(), self.position)?;
        }
    }

    /// Reads the rest into memory, at most `limit` bytes of it.
    ///
    /// # Errors
    /// When the store fails, or the object is larger.
    pub(super) fn read_to_vec(mut self, limit: u64) -> Result<Vec<u8>> {
        if self.size > limit {
            let location = self.store.location(&self.key);
            let message = format!("{location} has {} bytes, more than the {limit} that are read", self.size);
            return Err(Error::Integrity(Problem::new(message).hint("this is not a cache manifest: check the name")));
        }
        let mut bytes = Vec::new();
        match self.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The crate's error behind a failed read.
    fn failed(&self, error: io::Error) -> Error {
        match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::NotFound) => {
                Error::Integrity(Problem::new(error.to_string()))
            }
            Err(error) => {
                let location = self.store.location(&self.key);
                let message = format!("the connection broke at byte {} of {location}", self.position);
                Error::Network(Problem::new(message).source(error).hint("run the command again"))
            }
        }
    }

    fn reopen(&mut self) -> io::Result<Box<dyn Read + Send>> {
        let mut options = GetOptions::range(self.position..self.size);
        options.if_match.clone_from(&self.etag);
        let object = self.store.get(&self.key, &options).map_err(io::Error::other)?;
        let gone = || io::Error::new(io::ErrorKind::NotFound, format!("{} is gone", self.store.location(&self.key)));
        let object = object.ok_or_else(gone)?;
        if object.size != self.size || (self.etag.is_some() && object.etag != self.etag) {
            let message = format!("{} changed while it was read", self.store.location(&self.key));
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(object.body)
    }

    fn broke(&mut self, error: io::Error) -> io::Result<()> {
        self.breaks += 1;
        if self.breaks >= MAX_BREAKS {
            return Err(error);
        }
        log::info!("{} broke at byte {}: {error}", self.store.location(&self.key), self.position);
        self.context.clock.sleep(FIRST_PAUSE * self.breaks, &self.context.cancel);
        Ok(())
    }
}

impl Read for ResumingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position < self.size && !buffer.is_empty() {
            self.context.cancel.check().map_err(io::Error::other)?;
            let mut body = match self.body.take() {
                Some(body) => body,
                None => self.reopen()?,
            };
            let left = usize::try_from(self.size - self.position).unwrap_or(usize::MAX);
            let window = buffer.len().min(left);
            match body.read(buffer.get_mut(..window).unwrap_or_default()) {
                Ok(0) => self.broke(io::ErrorKind::UnexpectedEof.into())?,
                Ok(read) => {
                    self.position += read as u64;
                    self.breaks = 0;
                    // The last byte drains the body, so that its connection can serve the next request.
                    self.body = Some(body);
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => self.body = Some(body),
                Err(error) => self.broke(error)?,
            }
        }
        if self.position >= self.size
            && let Some(mut body) = self.body.take()
        {
            let mut end = [0; 1];
            if body.read(&mut end).unwrap_or(0) > 0 {
                let message = format!("{} is longer than the store said", self.store.location(&self.key));
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(0)
    }
}

/// A blob that is checked while it is read: the end of the bytes is an error of kind
/// [`InvalidData`](io::ErrorKind::InvalidData) unless their digest is right. Made by
/// [`S3Cache::open_blob`](crate::ops::S3Cache::open_blob).
pub struct BlobReader {
    inner: ResumingReader,
    digest: Digest,
    hasher: Option<Hasher>,
    corrupt: bool,
}

impl BlobReader {
    pub(super) fn new(inner: ResumingReader, digest: Digest) -> Self {
        Self { inner, digest, hasher: Some(Hasher::new()), corrupt: false }
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.inner.size()
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.inner.read(buffer)?;
        if read > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(buffer.get(..read).unwrap_or_default());
            }
            return Ok(read);
        }
        if let Some(hasher) = self.hasher.take() {
            self.corrupt = hasher.finish() != self.digest;
        }
        if self.corrupt {
            let location = self.inner.store.location(&self.inner.key);
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{location} does not have its digest")));
        }
        Ok(0)
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader").field("digest", &self.digest).field("size", &self.inner.size).finish()
    }
}
