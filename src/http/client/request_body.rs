//! The reader from which ureq takes a request body.

use std::fmt;
use std::io::{self, Read};

use crate::base::reader_from_fn;
use crate::http::transport::exchange;
use crate::object::Payload;

/// Yields exactly as many bytes as the payload announced, or an error. ureq waits forever for the rest of a body that
/// ends early, and would send the first part of one that is too long.
struct RequestBody<'a> {
    inner: Box<dyn Read + Send + 'a>,
    left: u64,
}

/// Marks an error as the payload's own, as opposed to one of the connection.
#[derive(Debug)]
pub(super) struct PayloadError(pub(super) io::Error);

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for PayloadError {}

/// Opens a payload as the body of a request.
pub(super) fn request_body(payload: &dyn Payload) -> io::Result<Box<dyn Read + Send + '_>> {
    let mut body = RequestBody { inner: payload.open()?, left: payload.size() };
    Ok(reader_from_fn(move |buffer| body.read(buffer)))
}

impl RequestBody<'_> {
    fn next(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let window = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        // The server has hung up. The rest of the body is discarded, so it need not be read.
        if exchange::current().write_failed {
            return Ok(window);
        }
        let read = read(&mut self.inner, buffer.get_mut(..window).unwrap_or_default())?;
        if read == 0 && window > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the data is shorter than announced"));
        }
        // Check before sending the last bytes, so that the server cannot take them for a complete body.
        if read as u64 == self.left && read > 0 && read_one(&mut self.inner)? {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the data is longer than announced"));
        }
        Ok(read)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.next(buffer).map_err(|error| io::Error::other(PayloadError(error)))?;
        // ureq stops a reader that claims more bytes than the buffer holds.
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

fn read_one(reader: &mut dyn Read) -> io::Result<bool> {
    read(reader, &mut [0]).map(|read| read > 0)
}

fn read(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
