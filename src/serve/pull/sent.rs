//! The bytes of a blob on their way to a client.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::time::Instant;

use crate::base::{Digest, Error, log_blob, reader_from_fn};
use crate::serve::counters::Counters;
use crate::serve::mounted::Mounted;
use crate::store::VerifiedReader;

/// The bytes of a blob on their way to a client. Counts them, and remembers a copy with wrong bytes.
pub(super) struct Sent {
    /// What was read before the response began.
    pub(super) first: Cursor<Vec<u8>>,
    pub(super) reader: VerifiedReader,
    /// The number of bytes to send, and when that began.
    pub(super) length: u64,
    pub(super) begun: Instant,
    /// The number of bytes that are still to be sent.
    pub(super) left: u64,
    /// Whether the last of them is the last of the blob.
    pub(super) is_end: bool,
    /// The blob, and the position of the cache that it is read from.
    pub(super) copy: (Digest, usize),
    pub(super) mounted: Arc<Mounted>,
    pub(super) counters: Arc<Counters>,
}

impl Sent {
    pub(super) fn into_reader(mut self) -> Box<dyn Read + Send> {
        reader_from_fn(move |buffer| self.read(buffer))
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = self.first.read(buffer)?;
        if read == 0 {
            read = self.reader.read(buffer).inspect_err(|error| self.failed(error))?;
        }
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        self.counters.bytes_down.add(bytes);
        let before = self.left;
        self.left = before.saturating_sub(bytes);
        if before > 0 && self.left == 0 && self.is_end {
            self.counters.blobs_served.add(1);
            log_blob(&self.copy.0, self.length, "sent", "requested by a client", Some(self.begun.elapsed()));
        }
        Ok(read)
    }

    /// Records a failure. The server closes the connection, and the client requests the rest.
    fn failed(&self, error: &io::Error) {
        let (digest, source) = self.copy;
        if matches!(error.get_ref().and_then(|error| error.downcast_ref()), Some(Error::Cancelled)) {
            return log::debug!("stopped sending the blob {digest}, because the client has left or the server stops");
        }
        self.counters.failures.add(1);
        if error.kind() == io::ErrorKind::InvalidData {
            self.mounted.blame(digest, source);
        }
        log::warn!("stopped sending the blob {digest}: {error}");
    }
}
