//! TCP connections that notice a refusal while a write is blocked.
//!
//! A server may refuse a request in the middle of its body, and then neither read the rest nor close the connection.
//! The write that fills the last buffer would wait for its time limit, twice when part of it was taken, before the
//! answer is read. ureq's own connections cannot be asked in between.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, ShutdownHandle, Transport,
};

use crate::http::exchange;
use crate::http::interim::Start;
use crate::http::names::Names;

/// How long a write may be blocked before it is looked whether an answer has come; and a read, where it may have to end
/// before its time.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How much of what waits to be read is looked at: interim responses and a status line.
const LOOKED_AT_BYTES: usize = 4096;

/// Connects to the first address that answers.
#[derive(Debug)]
pub(super) struct TcpConnector(pub(super) Names);

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
    /// All addresses share the time there is: each but the last gets half of what is left.
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

/// `None` where there is no limit.
fn limit(timeout: NextTimeout) -> Option<Duration> {
    (!timeout.after.is_not_happening()).then(|| *timeout.after)
}

/// Ends what others wait for on the connection.
struct Handle(Weak<TcpStream>);

impl ShutdownHandle for Handle {
    fn shutdown(&self) {
        if let Some(stream) = self.0.upgrade() {
            // One that is closed already is as good.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// A connection.
pub(super) struct TcpTransport {
    stream: Arc<TcpStream>,
    buffers: LazyBuffers,
    _handle: Arc<dyn ShutdownHandle>,
    /// As they are set: setting them is a system call.
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

    /// Whether a refusal waits to be read. Within TLS that cannot be seen.
    fn is_refused(&self) -> bool {
        let mut waiting = [0; LOOKED_AT_BYTES];
        let Ok(length) = without_waiting(&self.stream, |stream| stream.peek(&mut waiting)) else { return false };
        Start::is_refusal(waiting.get(..length).unwrap_or_default())
    }

    /// Writes some of `output` from `from` on; zero when that takes too long to wait for without looking around.
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
            if exchange::has_lingered() {
                return Err(Error::Io(io::ErrorKind::ConnectionAborted.into()));
            }
            let wait = if exchange::lingers() { Some(left.unwrap_or(LOOK_EVERY).min(LOOK_EVERY)) } else { left };
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
        // An idle connection has nothing to say.
        let read = without_waiting(&self.stream, |mut stream| stream.read(&mut [0]));
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Does with the connection what must not wait.
fn without_waiting<T>(stream: &TcpStream, act: impl FnOnce(&TcpStream) -> io::Result<T>) -> io::Result<T> {
    stream.set_nonblocking(true)?;
    let result = act(stream);
    stream.set_nonblocking(false)?;
    result
}

/// Neither done nor failed: a time limit of the socket, or a signal.
fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

impl fmt::Debug for TcpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpTransport").field("peer", &self.stream.peer_addr().ok()).finish()
    }
}
