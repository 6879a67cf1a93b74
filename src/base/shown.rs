//! What a server says, as it may be shown.

/// Of what a server says at most this much is shown.
pub(crate) const MAX_SHOWN_CHARS: usize = 300;

/// Bounded, and on one line.
pub(crate) fn shown(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(MAX_SHOWN_CHARS).collect()
}
