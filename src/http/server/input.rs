//! What was received but not consumed.

use std::io::{self, Read as _};
use std::time::Duration;

use super::socket::Socket;

/// Holds the head of nearly every request.
const FIRST_BYTES: usize = 8 * 1024;
/// Smaller reads of a body go through the buffer, larger ones do not.
const DIRECT_BYTES: usize = 4 * 1024;

/// A socket and the bytes that were read ahead from it.
pub(super) struct Input {
    pub(super) socket: Socket,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket, buffer: vec![0; FIRST_BYTES], start: 0, end: 0 }
    }

    /// Returns what was received but not consumed.
    pub(super) fn buffered(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Consumes that many of the buffered bytes.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start = self.end.min(self.start.saturating_add(bytes));
    }

    /// Receives more into the buffer, which grows if it is full. The caller bounds what it leaves unconsumed. Returns
    /// zero if the client sends no more.
    ///
    /// # Errors
    /// If the connection breaks, or nothing arrives within the time limit.
    pub(super) fn fill(&mut self, timeout: Duration) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.end + FIRST_BYTES, 0);
        }
        let read = self.socket.read(self.buffer.get_mut(self.end..).unwrap_or_default(), timeout)?;
        self.end = self.buffer.len().min(self.end + read);
        Ok(read)
    }

    /// Reads into `into`, buffered bytes first. Returns zero if the client sends no more.
    ///
    /// # Errors
    /// If the connection breaks, or nothing arrives within the time limit.
    pub(super) fn read(&mut self, into: &mut [u8], timeout: Duration) -> io::Result<usize> {
        if self.buffered().is_empty() {
            if into.len() >= DIRECT_BYTES {
                return self.socket.read(into, timeout);
            }
            self.fill(timeout)?;
        }
        let length = self.buffered().read(into)?;
        self.consume(length);
        Ok(length)
    }
}
