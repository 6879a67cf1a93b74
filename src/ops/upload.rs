//! A blob on its way to the store.

use std::io::{self, Read};

use crate::base::{Action, BlobSource, Digest, Event, Hasher, Payload};
use crate::ops::cache::Context;
use crate::transfer::Stop;

/// A blob of a source as a request body: opened anew for each attempt, its digest the payload hash.
pub(super) struct BlobPayload<'a> {
    pub(super) source: &'a dyn BlobSource,
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// Hash while sending and hold the last bytes back until the digest is known to be right.
    pub(super) verify: bool,
    pub(super) context: &'a Context,
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
        self.context.progress.event(&Event::Started { digest, action: Action::Upload, total });
        let hasher = self.verify.then(Hasher::new);
        Ok(Box::new(Upload { blob: self, inner, hasher, sent: 0 }))
    }
}

struct Upload<'a> {
    blob: &'a BlobPayload<'a>,
    inner: Box<dyn Read + Send>,
    hasher: Option<Hasher>,
    sent: u64,
}

impl Read for Upload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let blob = self.blob;
        blob.stop.check().map_err(io::Error::other)?;
        let read = self.inner.read(buffer)?;
        self.sent += read as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(buffer.get(..read).unwrap_or_default());
            // These are the last bytes: without them the store has no complete object.
            if self.sent >= blob.size && read > 0 && hasher.clone().finish() != blob.digest {
                let message = format!("the local blob {} does not have its digest", blob.digest);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        let (digest, total) = (&blob.digest, blob.size);
        blob.context.progress.event(&Event::Advanced { digest, current: self.sent, total });
        Ok(read)
    }
}
