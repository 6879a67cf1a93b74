//! The body of a request.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::time::Duration;

use super::chunked::{Chunked, Next};
use super::deadline::Deadline;
use super::framing::Framing;
use super::input::Input;

/// How many bytes are discarded at once.
const DISCARD_BYTES: usize = 16 * 1024;

/// Reads exactly the body of a request: never a byte of the next one.
pub(super) struct BodyReader<'a> {
    input: &'a mut Input,
    rest: Rest,
    /// The client waits for `100 Continue`.
    expected: bool,
    stall: Duration,
}

/// What is left of the body.
enum Rest {
    Length(u64),
    Chunked(Chunked),
    /// A read failed: where the body ends is unknown.
    Lost(ErrorKind),
}

impl<'a> BodyReader<'a> {
    pub(super) fn new(input: &'a mut Input, framing: Framing, expected: bool, stall: Duration) -> Self {
        let rest = match framing {
            Framing::Length(length) => Rest::Length(length),
            Framing::Chunked => Rest::Chunked(Chunked::new()),
        };
        Self { input, rest, expected, stall }
    }

    /// Discards what is left of the body if that is at most `bytes` bytes that arrive within `time`. Returns whether
    /// the next byte of the connection is the start of the next request.
    pub(super) fn settle(&mut self, bytes: u64, time: Duration) -> bool {
        if matches!(self.rest, Rest::Length(0)) {
            return true;
        }
        // A client that waits for `100 Continue` may send the body or not after another response.
        if self.expected || matches!(self.rest, Rest::Length(left) if left > bytes) {
            return false;
        }
        let (mut left, mut discarded, deadline) = (bytes, [0; DISCARD_BYTES], Deadline::after(time));
        loop {
            self.stall = deadline.left();
            match self.read_some(&mut discarded) {
                Ok(0) => return true,
                Ok(read) => match left.checked_sub(length(read)) {
                    Some(rest) if !self.stall.is_zero() => left = rest,
                    _ => return false,
                },
                Err(_) => return false,
            }
        }
    }

    fn read_some(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.expected) && self.input.buffered().is_empty() {
            self.input.socket.write_all(&mut [IoSlice::new(b"HTTP/1.1 100 Continue\r\n\r\n")])?;
        }
        match &mut self.rest {
            Rest::Length(0) => Ok(0),
            Rest::Length(left) => {
                let read = self.input.read(at_most(into, *left), self.stall)?;
                *left = left.saturating_sub(length(read));
                complete(read)
            }
            Rest::Chunked(chunks) => loop {
                let (consumed, next) = chunks
                    .advance(self.input.buffered())
                    .map_err(|_| io::Error::new(ErrorKind::InvalidData, "the body has a malformed chunk"))?;
                self.input.consume(consumed);
                match next {
                    Next::End => return Ok(0),
                    Next::Data(left) => {
                        let read = self.input.read(at_most(into, left), self.stall)?;
                        chunks.consume(length(read));
                        return complete(read);
                    }
                    Next::Framing => complete(self.input.fill(self.stall)?)?,
                };
            },
            Rest::Lost(kind) => Err(io::Error::new(*kind, "an earlier read of the body failed")),
        }
    }
}

impl Read for BodyReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() || matches!(self.rest, Rest::Length(0)) {
            return Ok(0);
        }
        self.read_some(into).inspect_err(|error| self.rest = Rest::Lost(error.kind()))
    }
}

/// Returns the start of the buffer, of at most `bytes` bytes.
fn at_most(buffer: &mut [u8], bytes: u64) -> &mut [u8] {
    let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(buffer.len());
    buffer.get_mut(..length).unwrap_or_default()
}

/// Nothing more arrives, but the body is incomplete.
fn complete(read: usize) -> io::Result<usize> {
    if read > 0 { Ok(read) } else { Err(io::Error::new(ErrorKind::UnexpectedEof, "the body ends early")) }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
