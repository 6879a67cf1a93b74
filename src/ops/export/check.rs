//! How it is checked that the parts of an upload are those of the blob.

use std::sync::{Mutex, OnceLock};

use crate::base::{Digest, Error, Hasher, Parts, Result, Unpoisoned as _};
use crate::object::BlobSource;
use crate::ops::export::payload::{changed, read_range, wrong_digest};
use crate::ops::export::sum::{Sum, Summed};
use crate::transfer::Run;

/// Checks the parts of a blob while they are sent, before the upload is completed.
pub(in crate::ops) trait Check: Send + Sync {
    /// Waits until the source has the part.
    ///
    /// # Errors
    /// If it never will, or the run stops.
    fn ready(&self, index: usize, run: &Run<'_>) -> Result<()> {
        let _ = (index, run);
        Ok(())
    }

    /// Takes note of what was sent of a part.
    ///
    /// # Errors
    /// If these are not the bytes of the blob.
    fn sent(&self, index: usize, sent: Summed, run: &Run<'_>) -> Result<()>;

    /// Checks the blob after all its parts are sent.
    ///
    /// # Errors
    /// If the parts are not the blob.
    fn verify(&self, run: &Run<'_>) -> Result<()>;

    /// Learns that the store has no parts: the blob will be sent in one piece.
    fn without_parts(&self) {}

    /// Checks the blob before it is sent in one piece.
    ///
    /// # Errors
    /// If the source does not have the blob.
    fn complete(&self, run: &Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// Learns that the upload has failed.
    fn failed(&self, error: &Error) {
        let _ = error;
    }
}

/// The hash of the whole blob, because stores see at most the hashes of parts. Reads each part a second time after it
/// was sent, and checks that the bytes are those that were sent.
pub(super) struct Whole<'a> {
    source: &'a dyn BlobSource,
    digest: Digest,
    parts: Parts,
    /// What was sent of each part, once it was sent.
    sent: Vec<OnceLock<Summed>>,
    head: Mutex<Head>,
}

/// The hash of the whole blob so far, and the number of parts that it includes.
#[derive(Default)]
struct Head {
    hasher: Hasher,
    parts: usize,
}

impl<'a> Whole<'a> {
    pub(super) fn new(source: &'a dyn BlobSource, digest: Digest, parts: Parts) -> Self {
        let sent = std::iter::repeat_with(OnceLock::new).take(parts.count()).collect();
        Self { source, digest, parts, sent, head: Mutex::default() }
    }

    fn advance(&self, head: &mut Head, run: &Run<'_>) -> Result<()> {
        while let Some(sent) = self.sent.get(head.parts).and_then(OnceLock::get) {
            let mut sum = Sum::default();
            let hash = |bytes: &[u8]| {
                head.hasher.update(bytes);
                sum.update(bytes);
            };
            run.compute(|| read_range(self.source, &self.digest, self.parts.range(head.parts), run, hash))?;
            if sum.finish() != *sent {
                return Err(changed(self.source, &self.digest));
            }
            head.parts += 1;
        }
        Ok(())
    }
}

impl Check for Whole<'_> {
    /// Adds the parts that have been sent to the hash of the whole blob, unless another thread is doing so.
    fn sent(&self, index: usize, sent: Summed, run: &Run<'_>) -> Result<()> {
        if let Some(slot) = self.sent.get(index) {
            slot.get_or_init(|| sent);
        }
        self.head.try_lock().unpoisoned().map_or(Ok(()), |mut head| self.advance(&mut head, run))
    }

    fn verify(&self, run: &Run<'_>) -> Result<()> {
        let mut head = self.head.lock().unpoisoned();
        self.advance(&mut head, run)?;
        let verified = head.hasher.clone().finish() == self.digest;
        if verified { Ok(()) } else { Err(wrong_digest(self.source, &self.digest)) }
    }
}

/// The source's stamp of the blob, taken before it is read, must be the same afterwards.
pub(super) struct Stamp<'a> {
    source: &'a dyn BlobSource,
    digest: Digest,
    stamp: Option<u64>,
}

impl<'a> Stamp<'a> {
    /// Takes the stamp.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(super) fn take(source: &'a dyn BlobSource, digest: Digest) -> Result<Self> {
        Ok(Self { source, digest, stamp: source.blob_stamp(&digest)? })
    }
}

impl Check for Stamp<'_> {
    fn sent(&self, _: usize, _: Summed, _: &Run<'_>) -> Result<()> {
        Ok(())
    }

    fn verify(&self, _: &Run<'_>) -> Result<()> {
        let same = self.source.blob_stamp(&self.digest)? == self.stamp;
        if same { Ok(()) } else { Err(changed(self.source, &self.digest)) }
    }
}
