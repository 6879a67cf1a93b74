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

/// Prints two or three lines on standard error: what failed, why, and the likely fix. `doing` precedes what failed.
pub(crate) fn print(error: &Error, doing: &str) {
    let (message, chain) = (error.to_string(), error.chain());
    if stderr::is_json() {
        let message = format!("{doing}{chain}");
        let fields = json!({"kind": error.kind().as_str(), "message": message, "hint": hint(error)});
        return stderr::event("error", fields);
    }
    line(&format!("{} {}", color::on_stderr("error:", RED), printable(&format!("{doing}{message}"))));
    if let Some(causes) = chain.strip_prefix(&message).and_then(|causes| causes.strip_prefix(": ")) {
        line(&format!("cause: {}", printable(causes)));
    }
    if let Some(hint) = hint(error) {
        line(&format!("hint: {}", printable(&hint)));
    }
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
