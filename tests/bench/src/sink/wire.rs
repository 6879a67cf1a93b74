//! Moves the bytes of a connection, plain or inside TLS, as cheaply as possible.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::sendfile::sendfile;
use nix::sys::socket::{MsgFlags, recv};
use rustls::{ServerConnection, StreamOwned};

use super::Sink;
use crate::pattern::RING;

/// The number of bytes to move at once if there is no rate.
const PIECE: usize = 1024 * 1024;

pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    pub(super) fn open(sink: &Sink, stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(match &sink.options.tls {
            None => Self::Plain(stream),
            Some(config) => {
                let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
                Self::Tls(Box::new(StreamOwned::new(connection, stream)))
            }
        })
    }

    /// Discards up to `most` bytes. They are read into `scratch` if they cannot be discarded unread.
    pub(super) fn discard(&mut self, most: u64, scratch: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(scratch.len());
        let scratch = &mut scratch[..most];
        match self {
            // The kernel drops them without copying.
            Self::Plain(stream) => Ok(recv(stream.as_raw_fd(), scratch, MsgFlags::MSG_TRUNC)?),
            Self::Tls(stream) => stream.read(scratch),
        }
    }

    /// Sends a stretch of the pattern.
    pub(super) fn send(&mut self, sink: &Sink, offset: u64, size: u64) -> io::Result<()> {
        let mut pace = sink.pace();
        match self {
            Self::Plain(stream) => {
                let mut at = (offset % RING as u64) as i64;
                let mut left = size;
                while left > 0 {
                    let piece = pace.step(PIECE).min(RING - at as usize);
                    let piece = piece.min(usize::try_from(left).unwrap_or(usize::MAX));
                    let sent = sendfile(stream.as_fd(), sink.file.as_fd(), Some(&mut at), piece)?;
                    if sent == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    at %= RING as i64;
                    left -= sent as u64;
                    pace.moved(sent)?;
                }
                Ok(())
            }
            Self::Tls(stream) => {
                for piece in sink.pattern.stretch(offset, size, pace.step(PIECE)) {
                    stream.write_all(piece)?;
                    pace.moved(piece.len())?;
                }
                stream.flush()
            }
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
