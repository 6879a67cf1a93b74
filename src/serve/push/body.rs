//! Reads bodies of requests.

use std::io;
use std::time::{Duration, Instant};

use crate::base::{Digest, Error, ErrorKind, Hasher, Result as CrateResult};
use crate::http::server::Request;
use crate::ops::push::{PushRooms, Spool};
use crate::serve::answer::{Code, Refusal};
use crate::serve::push::uploads::Pieces;

/// How much is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// When a request must be answered, counted from its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// When the client gets an answer.
    pub(super) answer: Instant,
    /// When a manifest is written at the latest.
    pub(super) write: Instant,
}

impl Deadlines {
    pub(super) fn from_now((answer, write): (Duration, Duration)) -> Self {
        let now = Instant::now();
        Self { answer: now + answer, write: now + write }
    }
}

/// Passes the body to `take` as it arrives. Returns its size.
///
/// # Errors
/// If it ends early, or `take` fails.
pub(super) fn receive(
    request: &mut Request<'_>,
    mut take: impl FnMut(&[u8]) -> Result<(), Refusal>,
) -> Result<u64, Refusal> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut size = 0;
    loop {
        match request.body().read(&mut buffer) {
            Ok(0) => return Ok(size),
            Ok(read) => {
                take(buffer.get(..read).unwrap_or_default())?;
                size += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let message = format!("the body ended after {size} bytes: {error}");
                return Err(Refusal::new(Code::BlobUploadInvalid, message));
            }
        }
    }
}

/// Reads and discards the body. Returns its hash.
///
/// # Errors
/// If it ends early.
pub(super) fn drain(request: &mut Request<'_>) -> Result<Hasher, Refusal> {
    let mut hasher = Hasher::new();
    receive(request, |bytes| {
        hasher.update(bytes);
        Ok(())
    })?;
    Ok(hasher)
}

/// Receives a document of at most `most` bytes. A large one is not in memory. Also returns its digest.
///
/// # Errors
/// If it is larger, ends early, or there is no room for it.
pub(super) fn document(request: &mut Request<'_>, most: u64) -> Result<(Spool, Digest), Refusal> {
    let too_large = || Refusal::new(Code::SizeInvalid, format!("the body has more than {most} bytes"));
    if request.content_length().is_some_and(|size| size > most) {
        return Err(too_large());
    }
    let (mut document, mut hasher) = (Spool::new(), Hasher::new());
    receive(request, |bytes| {
        if document.size() + bytes.len() as u64 > most {
            return Err(too_large());
        }
        hasher.update(bytes);
        document.write(bytes).map_err(|error| Refusal::failed("cannot receive the document", &error))
    })?;
    Ok((document, hasher.finish()))
}

impl Pieces {
    /// Appends the body. If it ends early, the bytes that arrived are kept.
    ///
    /// # Errors
    /// If it ends early, or there is no room for it.
    pub(super) fn append(&mut self, request: &mut Request<'_>, rooms: &PushRooms) -> Result<u64, Refusal> {
        receive(request, |bytes| self.add(bytes, rooms))
    }

    fn add(&mut self, bytes: &[u8], rooms: &PushRooms) -> Result<(), Refusal> {
        if self.file.is_none() {
            self.file = rooms.files.try_take(1);
            let too_many = || Refusal::new(Code::TooManyRequests, "too many uploads in pieces are open");
            self.file.as_ref().ok_or_else(|| too_many().hint("try again later"))?;
        }
        let (more, budget) = (bytes.len() as u64, &rooms.wholes);
        let granted = match &mut self.room {
            Some(room) => room.try_grow(more),
            None => {
                self.room = budget.try_take(more);
                self.room.is_some()
            }
        };
        if !granted {
            return Err(no_room(self.spool.size().saturating_add(more), budget.limit()));
        }
        self.spool.write(bytes).map_err(|error| not_stored(&error))?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Forgets what was received after `size` bytes, when the hash was `hasher`.
    pub(super) fn rewind(&mut self, size: u64, hasher: Hasher) {
        self.spool.truncate(size);
        self.hasher = hasher;
        if let Some(room) = &mut self.room {
            room.shrink(size);
        }
    }
}

fn no_room(size: u64, limit: u64) -> Refusal {
    if size > limit {
        let message = format!("blobs that are sent in pieces may have at most {limit} bytes");
        return Refusal::new(Code::SizeInvalid, message).hint("send the blob with one PUT");
    }
    Refusal::new(Code::TooManyRequests, "other uploads take up all temporary space").hint("try again later")
}

/// Explains why a blob was not stored.
pub(super) fn not_stored(error: &Error) -> Refusal {
    match error.kind() {
        ErrorKind::Usage => Refusal::new(Code::SizeInvalid, error.chain()).status(400),
        _ => Refusal::failed("cannot store the blob", error),
    }
}

/// Does the same for a result.
pub(super) fn stored<T>(outcome: CrateResult<T>) -> Result<T, Refusal> {
    outcome.map_err(|error| not_stored(&error))
}
