//! Draws lines at the bottom of the terminal and replaces them.

use std::io::{self, Write as _};
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use rustix::termios::tcgetwinsize;
use s3_build_cache::program::Unpoisoned as _;

use super::layout::Size;

/// Returns the size of the terminal of standard error.
pub(super) fn size() -> Size {
    let size = tcgetwinsize(io::stderr()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or(Size { columns: 80, rows: 24 }, |size| Size { columns: size.ws_col.into(), rows: size.ws_row.into() })
}

/// The lines on the terminal.
pub(super) struct Screen(ProgressBar);

impl Screen {
    pub(super) fn new() -> Self {
        let target = ProgressDrawTarget::term_like(Box::new(Terminal::default()));
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(ProgressBar::with_draw_target(None, target).with_style(style))
    }

    /// Replaces the lines.
    pub(super) fn show(&self, lines: &[String]) {
        self.0.set_message(lines.join("\n"));
    }

    /// Runs `print` while the lines are not on the terminal.
    pub(super) fn above(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }
}

/// A terminal that is written once for each frame. Frames end in the middle of a line, and their lines do not depend on
/// wrapping: what is recorded of them can be read at any width.
#[derive(Debug, Default)]
struct Terminal(Mutex<Frames>);

#[derive(Debug, Default)]
struct Frames {
    /// The lines that were drawn.
    drawn: Vec<String>,
    next: Vec<String>,
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        u16::try_from(size().columns).unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        u16::try_from(size().rows).unwrap_or(u16::MAX)
    }

    // Each frame begins where the last one does.
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    /// Takes a line. What fills it up to the last column is left out.
    fn write_str(&self, text: &str) -> io::Result<()> {
        if !text.trim_start().is_empty() {
            self.0.lock().unpoisoned().next.push(text.to_owned());
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut frames = self.0.lock().unpoisoned();
        let next = std::mem::take(&mut frames.next);
        if frames.drawn.is_empty() && next.is_empty() {
            return Ok(());
        }
        let text = frame(&frames.drawn, &next, size().columns);
        frames.drawn = next;
        io::stderr().lock().write_all(text.as_bytes())
    }
}

/// Returns what replaces the drawn lines. A terminal that has become narrower has wrapped them.
fn frame(drawn: &[String], next: &[String], columns: usize) -> String {
    let rows: usize = drawn.iter().map(|line| line.chars().count().div_ceil(columns.max(1)).max(1)).sum();
    let up = rows.saturating_sub(1);
    let mut text = if up > 0 { format!("\r\u{1b}[{up}A") } else { "\r".to_owned() };
    // Not cleared first, which would flicker.
    text.push_str(&next.join("\u{1b}[K\r\n"));
    text.push_str("\u{1b}[J");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_replaces_the_last_one_also_on_a_terminal_that_became_narrower() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let two = lines(&["0123456789", "abcdef"]);
        for (drawn, next, columns, text) in [
            (&[][..], &two[..], 80, "\r0123456789\u{1b}[K\r\nabcdef\u{1b}[J"),
            (&two, &lines(&["x"]), 80, "\r\u{1b}[1Ax\u{1b}[J"),
            (&two, &[], 10, "\r\u{1b}[1A\u{1b}[J"),
            (&two, &lines(&["x"]), 5, "\r\u{1b}[3Ax\u{1b}[J"),
        ] {
            assert_eq!(frame(drawn, next, columns), text);
        }
    }
}
