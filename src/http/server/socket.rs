//! A connected socket whose reads and writes have time limits.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::peer::Peer;

/// The shortest limit that the system takes for one: zero would be none at all.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(1);

/// A connected socket.
pub(super) struct Socket {
    stream: Arc<TcpStream>,
    /// Saves a system call for each read.
    read_timeout: Option<Duration>,
}

impl Socket {
    /// Configures the socket.
    ///
    /// # Errors
    /// If the client has left.
    pub(super) fn new(stream: Arc<TcpStream>, write_stall: Duration) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(write_stall.max(SHORTEST_TIMEOUT)))?;
        Ok(Self { stream, read_timeout: None })
    }

    /// Returns the client at the other end.
    pub(super) fn peer(&self) -> Peer {
        Peer::new(&self.stream)
    }

    /// Reads at least one byte unless the client sends no more.
    ///
    /// # Errors
    /// If the connection breaks, or nothing arrives within the time limit.
    pub(super) fn read(&mut self, buffer: &mut [u8], timeout: Duration) -> io::Result<usize> {
        let timeout = timeout.max(SHORTEST_TIMEOUT);
        if self.read_timeout != Some(timeout) {
            self.stream.set_read_timeout(Some(timeout))?;
            self.read_timeout = Some(timeout);
        }
        loop {
            match (&*self.stream).read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(timed(error, "the client sent nothing for too long")),
                read => return read,
            }
        }
    }

    /// Writes all parts, with as few packets as possible.
    ///
    /// # Errors
    /// If the connection breaks, or the client accepts nothing within the time limit.
    pub(super) fn write_all(&self, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            match (&*self.stream).write_vectored(parts) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut parts, written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(timed(error, "the client accepted nothing for too long")),
            }
        }
        Ok(())
    }

    /// Ends the connection in the given direction. One that is closed already stays closed.
    pub(super) fn shutdown(&self, how: Shutdown) {
        let _ = self.stream.shutdown(how);
    }
}

/// A time limit shows as `WouldBlock`, which says nothing to a reader.
fn timed(error: io::Error, message: &'static str) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { io::Error::new(ErrorKind::TimedOut, message) } else { error }
}
