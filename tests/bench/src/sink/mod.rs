//! An S3 server on loopback that is as fast as possible: it verifies nothing, stores only sizes, and serves generated
//! bytes. It runs in a separate process, so that its CPU time does not count as its clients'.

mod bucket;
mod clock;
mod connection;
mod control;
mod handlers;
mod head;
mod inbound;
mod listing;
mod multipart;
mod options;
mod pace;
mod statistics;
#[cfg(test)]
mod tests;
mod text;
mod wire;

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{RcvBuf, SndBuf};

use crate::Outcome;
use crate::pattern::Pattern;
use bucket::Bucket;
use options::Options;
use pace::{Line, Pace};
use statistics::Statistics;

/// The size of a connection's buffers in the kernel if the line is limited, in bytes.
const BUFFER: usize = 128 * 1024;

/// The state shared by all connections.
struct Sink {
    options: Options,
    pattern: Pattern,
    /// The pattern in a file, for sendfile.
    file: OwnedFd,
    bucket: Mutex<Bucket>,
    statistics: Statistics,
    line: Line,
}

impl Sink {
    fn new(options: Options) -> Outcome<Self> {
        let pattern = Pattern::new();
        let file = memfd_create("pattern", MFdFlags::MFD_CLOEXEC)?;
        pattern.write(0, pattern.bytes().len() as u64, std::fs::File::from(file.try_clone()?))?;
        let line = Line::new(options.line);
        let (bucket, statistics) = (Mutex::new(Bucket::default()), Statistics::default());
        Ok(Self { options, pattern, file, bucket, statistics, line })
    }

    /// Returns the pace of a body that begins now.
    fn pace(&self) -> Pace<'_> {
        Pace::new(self.options.rate, &self.line, &self.statistics)
    }
}

/// Runs `sink [--latency-ms N] [--rate BYTES-PER-SECOND] [--line BYTES-PER-SECOND] [--tls CERTIFICATE KEY]`: prints its
/// ports for S3 and for control, and ends when its standard input is closed, so that it cannot outlive the driver.
pub(crate) fn main(arguments: &[String]) -> Outcome<()> {
    let sink = Arc::new(Sink::new(Options::parse(arguments)?)?);
    let data = TcpListener::bind("127.0.0.1:0")?;
    if sink.options.line.is_some() {
        // Connections inherit them. What lies in buffers has not passed the line yet.
        setsockopt(&data, RcvBuf, &BUFFER)?;
        setsockopt(&data, SndBuf, &BUFFER)?;
    }
    let control = TcpListener::bind("127.0.0.1:0")?;
    println!("{} {}", data.local_addr()?.port(), control.local_addr()?.port());
    accept(data, &sink, connection::serve);
    accept(control, &sink, control::serve);
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Serves each connection on a separate thread.
fn accept(listener: TcpListener, sink: &Arc<Sink>, serve: fn(&Sink, TcpStream) -> io::Result<()>) {
    let sink = Arc::clone(sink);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sink = Arc::clone(&sink);
            // The client decides how a connection ends.
            std::thread::spawn(move || serve(&sink, stream).ok());
        }
    });
}
