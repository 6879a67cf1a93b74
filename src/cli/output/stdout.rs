//! Writes to standard output.

use std::io::{self, Write};

use crate::output::stderr;

/// Writes to standard output. A failure is reported, unless the pipe was closed: `head` closes it once it has read
/// enough.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = &written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        stderr::message("error", &format!("cannot write to standard output: {error}"));
    }
    written
}
