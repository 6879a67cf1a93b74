//! TCP connections that notice a refusal while a write is blocked.
//!
//! A server may refuse a request in the middle of its body, and then neither read the rest nor close the connection.
//! The write that fills the last buffer would wait for its time limit, or twice that if part of it was accepted, before
//! the response is read. ureq's own connections cannot be polled during a write.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, ShutdownHandle, Transport,
};

use crate::http::transport::exchange;
use crate::http::transport::interim::Start;
use crate::http::transport::lookup::AddressLookup;

/// How often a blocked write checks for a response, and how often a read that may have to end early checks whether it
/// must.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How many waiting bytes are peeked at: enough for interim responses and a status line.
const LOOKED_AT_BYTES: usize = 4096;

/// Connects to the first address that accepts a connection.
#[derive(Debug)]
pub(super) struct TcpConnector(pub(super) AddressLookup);

impl Connector for TcpConnector {
    type Out = TcpTransport;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<TcpTransport>, Error> {
        let stream = Arc::new(self.connect_first(details)?);
        stream.set_nodelay(details.config.no_delay())?;
        exchange::update(|exchange| exchange.peer = stream.peer_addr().ok());
        let handle: Arc<dyn ShutdownHandle> = Arc::new(Handle(Arc::downgrade(&stream)));
        (details.register_shutdown)(Arc::downgrade(&handle))?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(TcpTransport { stream, buffers, _handle: handle, read_timeout: None, write_timeout: None }))
    }
}

impl TcpConnector {
    /// Tries the addresses in order. They share the time limit: each but the last gets half of the remaining time.
    fn connect_first(&self, details: &ConnectionDetails<'_>) -> Result<TcpStream, Error> {
        let begun = Instant::now();
        let addresses = self.0.resolve(details)?;
        let mut last = None;
        for (at, address) in addresses.iter().enumerate() {
            let connected = match limit(details.timeout) {
                None => TcpStream::connect(address),
                Some(limit) => {
                    let left = limit.saturating_sub(begun.elapsed());
                    let share = if at + 1 < addresses.len() { left / 2 } else { left };
                    TcpStream::connect_timeout(address, share.max(Duration::from_millis(1)))
                }
            };
            match connected {
                Ok(stream) => return Ok(stream),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    last = Some(Error::Timeout(details.timeout.reason))
                }
                Err(error) => last = Some(error.into()),
            }
        }
        Err(last.unwrap_or(Error::ConnectionFailed))
    }
}

/// Returns the time limit, or `None` if the operation may take any time.
fn limit(timeout: NextTimeout) -> Option<Duration> {
    (!timeout.after.is_not_happening()).then(|| *timeout.after)
}

/// Shuts down the connection, which ends any blocked read or write.
struct Handle(Weak<TcpStream>);

impl ShutdownHandle for Handle {
    fn shutdown(&self) {
        if let Some(stream) = self.0.upgrade() {
            // It is fine if the connection is already closed.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// A TCP connection.
pub(super) struct TcpTransport {
    stream: Arc<TcpStream>,
    buffers: LazyBuffers,
    _handle: Arc<dyn ShutdownHandle>,
    /// Caches the socket's timeouts, because setting them is a system call.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl TcpTransport {
    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        if self.read_timeout != timeout {
            self.stream.set_read_timeout(timeout)?;
            self.read_timeout = timeout;
        }
        Ok(())
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        if self.write_timeout != timeout {
            self.stream.set_write_timeout(timeout)?;
            self.write_timeout = timeout;
        }
        Ok(())
    }

    /// Returns whether a refusal is waiting to be read. Inside TLS, this cannot be detected.
    fn is_refused(&self) -> bool {
        let mut waiting = [0; LOOKED_AT_BYTES];
        let Ok(length) = without_waiting(&self.stream, |stream| stream.peek(&mut waiting)) else { return false };
        Start::is_refusal(waiting.get(..length).unwrap_or_default())
    }

    /// Writes some of `output`, starting at `from`. Returns 0 if the write blocks so long that the input must be
    /// checked.
    fn write_some(&mut self, from: usize, to: usize) -> io::Result<usize> {
        let output = self.buffers.output().get(from..to).unwrap_or_default();
        match (&*self.stream).write(output) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => Ok(written),
            Err(error) if is_wait(&error) => Ok(0),
            Err(error) => Err(error),
        }
    }
}

impl Transport for TcpTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        let (limit, mut written, mut moved) = (limit(timeout), 0, Instant::now());
        if limit.is_some_and(|limit| limit.is_zero()) {
            return Err(Error::Timeout(timeout.reason));
        }
        while written < amount {
            let left = limit.map_or(LOOK_EVERY, |limit| limit.saturating_sub(moved.elapsed()).min(LOOK_EVERY));
            self.set_write_timeout(Some(left.max(Duration::from_millis(1))))?;
            match self.write_some(written, amount)? {
                0 if self.is_refused() => return Err(Error::Io(io::ErrorKind::BrokenPipe.into())),
                0 if limit.is_some_and(|limit| moved.elapsed() >= limit) => {
                    return Err(Error::Timeout(timeout.reason));
                }
                0 => {}
                more => (written, moved) = (written + more, Instant::now()),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        let (limit, begun) = (limit(timeout), Instant::now());
        let mut left = limit;
        loop {
            if left.is_some_and(|left| left.is_zero()) {
                return Err(Error::Timeout(timeout.reason));
            }
            if exchange::must_end() {
                return Err(Error::Io(io::ErrorKind::ConnectionAborted.into()));
            }
            let wait = if exchange::is_watched() { Some(left.unwrap_or(LOOK_EVERY).min(LOOK_EVERY)) } else { left };
            self.set_read_timeout(wait)?;
            match (&*self.stream).read(self.buffers.input_append_buf()) {
                Ok(read) => {
                    self.buffers.input_appended(read);
                    return Ok(read > 0);
                }
                Err(error) if is_wait(&error) => left = limit.map(|limit| limit.saturating_sub(begun.elapsed())),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn is_open(&mut self) -> bool {
        // Any input on an idle connection is unexpected.
        let read = without_waiting(&self.stream, |mut stream| stream.read(&mut [0]));
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Runs `act` on the connection in non-blocking mode.
fn without_waiting<T>(stream: &TcpStream, act: impl FnOnce(&TcpStream) -> io::Result<T>) -> io::Result<T> {
    stream.set_nonblocking(true)?;
    let result = act(stream);
    stream.set_nonblocking(false)?;
    result
}

/// Returns whether the operation neither succeeded nor failed: a socket timeout or a signal interrupted it.
fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

impl fmt::Debug for TcpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpTransport").field("peer", &self.stream.peer_addr().ok()).finish()
    }
}
