//! Writes to standard output and standard error.

use std::io::{self, IsTerminal, Write};

use s3_build_cache::Error;
/// Escapes arguments, names and responses before they are shown.
pub(crate) use s3_build_cache::printable;

pub(crate) const RED: &str = "31";
pub(crate) const GREEN: &str = "32";

/// Writes to standard output. A failure is reported, unless the pipe was closed: `head` closes it once it has read
/// enough.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = &written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        line(&format!("error: cannot write to standard output: {error}"));
    }
    written
}

/// Writes a line to standard error. Failures are ignored, because there is nowhere to report them.
pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints an error in two or three lines: what failed, why, and the likely fix.
pub(crate) fn error(doing: &str, error: &Error) {
    let label = "error:";
    let label = if has_colors(&io::stderr()) { paint(label, RED) } else { label.to_owned() };
    line(&format!("{label} {}", printable(&format!("{doing}{error}"))));
    let chain = error.chain();
    if let Some(causes) = chain.strip_prefix(&error.to_string()).and_then(|rest| rest.strip_prefix(": ")) {
        line(&format!("cause: {}", printable(causes)));
    }
    if let Some(hint) = error.hint() {
        line(&format!("hint: {}", printable(hint)));
    }
}

/// Returns the text in that color, if standard output supports it.
pub(crate) fn colored(text: &str, color: &str) -> String {
    if has_colors(&io::stdout()) { paint(text, color) } else { text.to_owned() }
}

fn paint(text: &str, color: &str) -> String {
    format!("\u{1b}[1;{color}m{text}\u{1b}[0m")
}

fn has_colors(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
