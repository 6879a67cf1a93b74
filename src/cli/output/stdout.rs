//! Writes to standard output.

use std::fmt;
use std::io::{self, BufWriter, StdoutLock, Write};

use crate::output::stderr;

/// Large enough to need few system calls.
const BUFFER_BYTES: usize = 64 * 1024;

/// Standard output, and the first failure to write to it.
struct Output {
    out: BufWriter<StdoutLock<'static>>,
    written: io::Result<()>,
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.written = self.out.write_all(text.as_bytes());
        self.written.as_ref().map_or(Err(fmt::Error), |()| Ok(()))
    }
}

/// Writes to standard output. A failure is reported, unless the pipe was closed: `head` closes it once it has read
/// enough.
pub(crate) fn print(text: &str) -> io::Result<()> {
    print_with(|out| out.write_str(text))
}

/// Does the same with text that is made while it is written.
pub(crate) fn print_with(write: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result) -> io::Result<()> {
    let mut out = Output { out: BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock()), written: Ok(()) };
    let _ = write(&mut out);
    let written = out.written.and_then(|()| out.out.flush());
    if let Err(error) = &written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        stderr::message("error", &format!("cannot write to standard output: {error}"));
    }
    written
}
