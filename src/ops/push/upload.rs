//! Receives one blob.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::{Digest, Error, Hasher, Parts, Result};
use crate::object::BlobSource;
use crate::ops::export::{Job, Sum, check_sizes};
use crate::ops::push::budget::Room;
use crate::ops::push::completion::Completion;
use crate::ops::push::deliver::{deliver, deliver_whole};
use crate::ops::push::documents::OCTETS;
use crate::ops::push::incoming::{Incoming, Part};
use crate::ops::push::spool::Spool;
use crate::ops::push::state::PushState;

/// Larger blobs are never documents.
const MAX_DOCUMENT_BYTES: u64 = 32 * 1024 * 1024;
/// How long a client with a corrupt blob waits until its upload is aborted.
const ABORTED_WITHIN: Duration = Duration::from_secs(5);

/// Returns whether a blob is kept and not stored: a config of a cache is JSON, and layers are not.
fn is_document(first_byte: u8, size: u64) -> bool {
    first_byte == b'{' && size <= MAX_DOCUMENT_BYTES
}

/// A blob that is being received. If it is dropped before it is finished, the store does not have it.
#[derive(Debug)]
pub(crate) struct BlobUpload {
    shared: Arc<PushState>,
    incoming: Arc<Incoming>,
    hasher: Hasher,
    position: u64,
    /// The part that is being received.
    part: Option<Receiving>,
    is_document: bool,
    /// The delivery, once it has begun.
    delivery: Option<Arc<Completion<()>>>,
    finished: bool,
}

#[derive(Debug)]
struct Receiving {
    spool: Spool,
    sum: Sum,
    room: Option<Room>,
    end: u64,
}

/// The outcome of a received blob.
#[derive(Debug)]
pub(crate) enum Finished {
    /// The store has it, or will.
    Accepted(Arc<Completion<()>>),
    /// It has another digest.
    WrongDigest(Digest),
}

impl BlobUpload {
    pub(super) fn begin(shared: Arc<PushState>, digest: Digest, size: u64) -> Result<Self> {
        check_sizes(&[(digest, size)])?;
        let job = Job::upload(digest, size, &shared.cache.tuning);
        let parts = job.parts.unwrap_or_else(|| Parts::of(size, size));
        let incoming = Arc::new(Incoming::new(digest, size, parts));
        Ok(Self {
            shared,
            incoming,
            hasher: Hasher::new(),
            position: 0,
            part: None,
            is_document: false,
            delivery: None,
            finished: false,
        })
    }

    /// Takes the next bytes. Waits while too many parts are on their way to the store.
    ///
    /// # Errors
    /// If the store has failed, a temporary file cannot be written, or these are more bytes than announced.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        let size = self.incoming.size;
        if (bytes.len() as u64) > size - self.position {
            return Err(Error::usage(format!("the blob has more than the {size} bytes that were announced")));
        }
        if let (Some(first), 0) = (bytes.first(), self.position) {
            self.decide(*first)?;
        }
        self.hasher.update(bytes);
        while !bytes.is_empty() {
            self.incoming.check()?;
            let mut part = match self.part.take() {
                Some(part) => part,
                None => self.open_part()?,
            };
            let room = usize::try_from(part.end - self.position).unwrap_or(usize::MAX);
            let (taken, rest) = bytes.split_at(room.min(bytes.len()));
            part.sum.update(taken);
            part.spool.write(taken)?;
            self.position += taken.len() as u64;
            bytes = rest;
            if self.position == part.end && !self.is_document {
                self.incoming.push(part.into());
            } else {
                self.part = Some(part);
            }
        }
        Ok(())
    }

    /// Finishes the blob after its last byte. Does not wait until the store has it.
    ///
    /// # Errors
    /// If bytes are missing, or the store has failed.
    pub(crate) fn finish(mut self) -> Result<Finished> {
        let (digest, size) = (self.incoming.digest, self.incoming.size);
        if self.position != size {
            return Err(Error::usage(format!("the blob ended after {} of {size} bytes", self.position)));
        }
        let found = std::mem::take(&mut self.hasher).finish();
        if found != digest {
            self.incoming.fail(Error::integrity(format!("the blob has the digest {found} instead of {digest}")));
            if let Some(delivery) = &self.delivery {
                let _ = delivery.wait_until(Instant::now() + ABORTED_WITHIN);
            }
            return Ok(Finished::WrongDigest(found));
        }
        self.finished = true;
        if self.is_document {
            let document = self.part.take().map_or_else(Spool::new, |part| part.spool);
            self.shared.documents.insert(digest, OCTETS, document);
            return Ok(Finished::Accepted(Arc::new(Completion::done(()))));
        }
        if size == 0 {
            let part = self.open_part()?;
            self.incoming.push(part.into());
        }
        self.incoming.verified();
        let delivery = match self.delivery.take() {
            Some(delivery) => delivery,
            None => start(&self.shared, &self.incoming).unwrap_or_else(|_| {
                // Without another thread, the client waits a little longer.
                let completion = Arc::new(Completion::default());
                let outcome = deliver(&self.shared.cache, &self.incoming);
                self.shared.delivered(&digest, &completion, outcome);
                completion
            }),
        };
        self.shared.announce(digest, &delivery);
        Ok(Finished::Accepted(delivery))
    }

    /// Decides by the first byte whether the blob is a document, and starts its delivery if it has parts.
    fn decide(&mut self, first: u8) -> Result<()> {
        let (digest, size) = (self.incoming.digest, self.incoming.size);
        self.is_document = is_document(first, size);
        if self.is_document {
            self.incoming = Arc::new(Incoming::new(digest, size, Parts::of(size, size)));
        } else if self.incoming.parts.count() > 1 {
            self.delivery = Some(start(&self.shared, &self.incoming)?);
        }
        Ok(())
    }

    fn open_part(&self) -> Result<Receiving> {
        let incoming = &self.incoming;
        let part_size = incoming.parts.range(0).end.max(1);
        let end = (self.position / part_size + 1).saturating_mul(part_size).min(incoming.size);
        let cancel = &self.shared.cache.context.cancel;
        let check = || incoming.check().and_then(|()| cancel.check());
        check()?;
        // Parts that are all needed until the last has arrived would wait for each other's room.
        let room = match incoming.is_in_one_piece() {
            true => None,
            false => Some(self.shared.rooms.parts.take(end - self.position, check)?),
        };
        Ok(Receiving { spool: Spool::new(), sum: Sum::default(), room, end })
    }
}

impl From<Receiving> for Part {
    fn from(received: Receiving) -> Self {
        Self { spool: received.spool, sum: received.sum.finish(), _room: received.room }
    }
}

impl Drop for BlobUpload {
    fn drop(&mut self) {
        if !self.finished {
            self.incoming.fail(Error::network("the client stopped sending the blob"));
        }
    }
}

/// Starts to send a blob that is being received.
fn start(shared: &Arc<PushState>, incoming: &Arc<Incoming>) -> Result<Arc<Completion<()>>> {
    let completion = Arc::new(Completion::default());
    shared.watch(incoming);
    let (task_shared, task_incoming, task_completion) = (shared.clone(), incoming.clone(), completion.clone());
    let task = move || {
        let outcome = deliver(&task_shared.cache, &task_incoming);
        if let Err(error) = &outcome {
            task_incoming.fail(error.clone());
        }
        task_shared.delivered(&task_incoming.digest, &task_completion, outcome);
    };
    shared.spawner.start(task).map_err(PushState::no_thread)?;
    Ok(completion)
}

/// Sends a blob that was received as a whole.
pub(super) fn send(
    shared: &Arc<PushState>,
    digest: Digest,
    blob: Spool,
    rooms: (Option<Room>, Option<Room>),
) -> Result<Arc<Completion<()>>> {
    let size = blob.size();
    check_sizes(&[(digest, size)])?;
    if blob.starts_with(b'{') && is_document(b'{', size) {
        shared.documents.insert(digest, OCTETS, blob);
        return Ok(Arc::new(Completion::done(())));
    }
    let completion = Arc::new(Completion::default());
    let (task_shared, task_completion) = (shared.clone(), completion.clone());
    let task = move || {
        let outcome = deliver_whole(&task_shared.cache, &Received(blob), digest, size);
        drop(rooms);
        task_shared.delivered(&digest, &task_completion, outcome);
    };
    shared.announce(digest, &completion);
    if let Err(error) = shared.spawner.start(task) {
        shared.delivered(&digest, &completion, Err(PushState::no_thread(error)));
    }
    Ok(completion)
}

/// A blob that was received as a whole.
struct Received(Spool);

impl BlobSource for Received {
    fn blob_size(&self, _: &Digest) -> Result<Option<u64>> {
        Ok(Some(self.0.size()))
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn std::io::Read + Send + '_>> {
        self.open_blob_at(digest, 0)
    }

    fn open_blob_at(&self, _: &Digest, offset: u64) -> Result<Box<dyn std::io::Read + Send + '_>> {
        Ok(self.0.reader(offset))
    }
}
