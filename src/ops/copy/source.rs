//! The blobs of other caches, to be streamed into a store.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Mutex;

use crate::base::{Digest, Error, Parts, Result, Unpoisoned as _, reader_from_fn};
use crate::object::{BlobSource, ObjectStore as _};
use crate::ops::cache::S3Cache;
use crate::store::ResumingReader;

/// The blobs of other caches. Each is read from the first that has it.
pub(super) struct RemoteBlobs<'a> {
    sources: &'a [S3Cache],
    sizes: HashMap<Digest, u64>,
    /// Which source has a blob, as far as known.
    found: Mutex<HashMap<Digest, usize>>,
    /// The size of parts in the target.
    part_size: u64,
}

impl<'a> RemoteBlobs<'a> {
    pub(super) fn new(sources: &'a [S3Cache], blobs: Vec<(Digest, u64)>, part_size: u64) -> Self {
        Self { sources, sizes: blobs.into_iter().collect(), found: Mutex::default(), part_size }
    }

    fn size(&self, digest: &Digest) -> u64 {
        self.sizes.get(digest).copied().unwrap_or_default()
    }

    fn source(&self, digest: &Digest) -> Result<&'a S3Cache> {
        let known = self.found.lock().unpoisoned().get(digest).copied();
        let at = known.map_or_else(|| self.find(digest), |at| Ok(Some(at)))?;
        at.and_then(|at| self.sources.get(at)).ok_or_else(|| absent(digest))
    }

    /// Looks for the first source that has a blob, and remembers it.
    fn find(&self, digest: &Digest) -> Result<Option<usize>> {
        for (at, source) in self.sources.iter().enumerate() {
            let meta = source.store.head(&source.keys.blob(digest))?;
            if meta.is_some_and(|meta| meta.size == self.size(digest)) {
                self.found.lock().unpoisoned().insert(*digest, at);
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}

fn absent(digest: &Digest) -> Error {
    Error::integrity(format!("no source has the blob {digest}"))
}

impl BlobSource for RemoteBlobs<'_> {
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.find(digest)?.map(|_| self.size(digest)))
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>> {
        let mut reader = self.source(digest)?.open_blob(digest)?.ok_or_else(|| absent(digest))?;
        Ok(reader_from_fn(move |buffer| reader.read(buffer)))
    }

    fn open_blob_at(&self, digest: &Digest, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        let (source, size) = (self.source(digest)?.without_limit(), self.size(digest));
        let length = Parts::upload(size, self.part_size).range(0).end.max(1);
        let mut ranges = Ranges { source, digest: *digest, next: offset, size, length, current: None };
        Ok(reader_from_fn(move |buffer| ranges.read(buffer)))
    }

    fn repair_hint(&self) -> Option<String> {
        Some("look for corrupt blobs in the source".to_owned())
    }
}

/// Reads a blob in ranges of the length of a part, so that no more is requested than the caller reads.
struct Ranges {
    source: S3Cache,
    digest: Digest,
    next: u64,
    size: u64,
    length: u64,
    current: Option<ResumingReader>,
}

impl Ranges {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(reader) = &mut self.current {
                let read = reader.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
                self.current = None;
            }
            if self.next >= self.size {
                return Ok(0);
            }
            let key = self.source.keys.blob(&self.digest);
            let end = self.size.min(self.next.saturating_add(self.length));
            self.current = Some(self.source.reader(key).another(self.next..end));
            self.next = end;
        }
    }
}
