//! Draws lines at the bottom of the terminal and replaces them.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::termios::tcgetwinsize;
use signal_hook::consts::SIGCONT;
use signal_hook::flag;

use super::layout::Size;

/// Returns the size of the terminal of standard error.
pub(super) fn size() -> Size {
    let size = tcgetwinsize(io::stderr()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or(Size { columns: 80, rows: 24 }, |size| Size { columns: size.ws_col.into(), rows: size.ws_row.into() })
}

/// The lines on the terminal. Each frame is written at once and ends in the middle of a line. No line depends on
/// wrapping: what is recorded of them can be read at any width.
#[derive(Default)]
pub(super) struct Screen {
    drawn: Vec<String>,
    /// Whether the program was stopped, as by Ctrl-Z. What the shell printed meanwhile is not to be overwritten.
    was_stopped: Arc<AtomicBool>,
}

impl Screen {
    pub(super) fn new() -> Self {
        let screen = Self::default();
        // Without it, the lines are drawn in the place of the shell's.
        let _ = flag::register(SIGCONT, screen.was_stopped.clone());
        screen
    }

    /// Replaces the lines.
    pub(super) fn show(&mut self, lines: Vec<String>) {
        let text = self.replace(lines, size().columns);
        // This fails if the terminal has gone away.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Returns what replaces the lines, which is nothing if there are none.
    fn replace(&mut self, lines: Vec<String>, columns: usize) -> String {
        if self.was_stopped.swap(false, Ordering::Relaxed) {
            self.drawn.clear();
        }
        let is_empty = lines.is_empty() && self.drawn.is_empty();
        let text = if is_empty { String::new() } else { frame(&self.drawn, &lines, columns) };
        self.drawn = lines;
        text
    }

    /// Runs `print` while the lines are not on the terminal.
    pub(super) fn above(&mut self, print: impl FnOnce()) {
        let lines = self.drawn.clone();
        self.show(Vec::new());
        print();
        self.show(lines);
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
    fn what_a_shell_printed_while_the_program_was_stopped_is_kept() {
        let mut screen = Screen::default();
        let lines = vec!["a".to_owned(), "b".to_owned()];
        let first = "\ra\u{1b}[K\r\nb\u{1b}[J";
        assert_eq!(screen.replace(lines.clone(), 80), first);
        assert_eq!(screen.replace(lines.clone(), 80), format!("\r\u{1b}[1A{}", first.trim_start()));
        screen.was_stopped.store(true, Ordering::Relaxed);
        assert_eq!(screen.replace(lines, 80), first);
        screen.was_stopped.store(true, Ordering::Relaxed);
        assert_eq!(screen.replace(Vec::new(), 80), "");
    }

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
