//! Reports an error: in lines for people, and as JSON.

use s3_build_cache::Error;
use s3_build_cache::error::printable;
use serde_json::Value;

use crate::output::color::{self, RED};
use crate::output::stderr::line;
use crate::output::{advice, json, stderr};

/// Returns the error as JSON: its kind, what failed and why in one line, and the likely fix.
pub(crate) fn json(error: &Error) -> Value {
    json!({"kind": error.kind().as_str(), "message": error.chain(), "hint": hint(error)})
}

/// Prints two or three lines on standard error: what failed, why, and the likely fix. `doing` is the action that failed,
/// such as `import`, or empty if the message says enough.
pub(crate) fn print(error: &Error, doing: &str) {
    let (message, chain) = (error.to_string(), error.chain());
    if stderr::is_json() {
        let message = prefixed(doing, &chain);
        let fields = json!({"kind": error.kind().as_str(), "message": message, "hint": hint(error)});
        return stderr::event("error", fields);
    }
    line(&format!("{} {}", color::on_stderr("error:", RED), printable(&prefixed(doing, &message))));
    if let Some(causes) = chain.strip_prefix(&message).and_then(|causes| causes.strip_prefix(": ")) {
        line(&format!("cause: {}", printable(causes)));
    }
    if let Some(hint) = hint(error) {
        line(&format!("hint: {}", printable(&hint)));
    }
}

fn prefixed(doing: &str, message: &str) -> String {
    if doing.is_empty() { message.to_owned() } else { format!("{doing}: {message}") }
}

/// Returns what failed, why, and the likely fix on one line, for a warning.
pub(crate) fn one_line(error: &Error) -> String {
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{}{hint}", error.chain())
}

/// Returns the likely fix, with the flags that apply it.
fn hint(error: &Error) -> Option<String> {
    error.hint().map(advice::with_flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failed_action_precedes_the_message() {
        assert_eq!(prefixed("serve", "cannot accept connections"), "serve: cannot accept connections");
        assert_eq!(prefixed("", "cannot accept connections"), "cannot accept connections");
    }
}
