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
mod text;
mod wire;

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::Outcome;
use crate::pattern::Pattern;
use bucket::Bucket;
use options::Options;
use statistics::Statistics;

/// The state shared by all connections.
struct Sink {
    options: Options,
    pattern: Pattern,
    /// The pattern in a file, for sendfile.
    file: OwnedFd,
    bucket: Mutex<Bucket>,
    statistics: Statistics,
}

/// Runs `sink [--latency-ms N] [--rate BYTES-PER-SECOND] [--tls CERTIFICATE KEY]`: prints its ports for S3 and for
/// control, and ends when its standard input is closed, so that it cannot outlive the driver.
pub(crate) fn main(arguments: &[String]) -> Outcome<()> {
    let options = Options::parse(arguments)?;
    let pattern = Pattern::new();
    let file = memfd_create("pattern", MFdFlags::MFD_CLOEXEC)?;
    pattern.write(0, pattern.bytes().len() as u64, std::fs::File::from(file.try_clone()?))?;
    let sink = Arc::new(Sink {
        options,
        pattern,
        file,
        bucket: Mutex::new(Bucket::default()),
        statistics: Statistics::default(),
    });
    let data = TcpListener::bind("127.0.0.1:0")?;
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
