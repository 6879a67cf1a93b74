//! Quotes that were meant for a shell but became part of a value.

const QUOTES: [char; 2] = ['"', '\''];
/// The hint for a variable that [`is_quoted`].
pub(crate) const UNQUOTE: &str = "remove the quotes: `docker run --env-file` passes them on";

/// Returns whether a value is surrounded by quotes that were meant for a shell.
pub(crate) fn is_quoted(text: &str) -> bool {
    QUOTES.iter().any(|quote| text.len() > 1 && text.starts_with(*quote) && text.ends_with(*quote))
        || text.starts_with('\u{201c}')
        || text.starts_with('\u{2018}')
}

/// Returns the hint for a value that [`is_quoted`]; `origin` names a variable or another origin.
pub(crate) fn unquote(origin: &str) -> &'static str {
    // The origin of a value in a file has more than one word.
    if origin.contains(' ') { "remove the quotes" } else { UNQUOTE }
}

/// Returns whether a text begins or ends with a quote, as no key ID does.
pub(crate) fn has_quote(text: &str) -> bool {
    text.starts_with(QUOTES) || text.ends_with(QUOTES)
}
