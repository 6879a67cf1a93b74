//! Colors, on terminals that show them.

use std::io::{self, IsTerminal};

pub(crate) const RED: &str = "31";
pub(crate) const GREEN: &str = "32";

/// Returns the text in that color, if standard output shows colors.
pub(crate) fn on_stdout(text: &str, color: &str) -> String {
    if has_colors(&io::stdout()) { paint(text, color) } else { text.to_owned() }
}

/// Returns the text in that color, if standard error shows colors.
pub(crate) fn on_stderr(text: &str, color: &str) -> String {
    if has_colors(&io::stderr()) { paint(text, color) } else { text.to_owned() }
}

fn paint(text: &str, color: &str) -> String {
    format!("\u{1b}[1;{color}m{text}\u{1b}[0m")
}

fn has_colors(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && !is_dumb() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns whether the terminal has neither colors nor a movable cursor, like those inside editors.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}
