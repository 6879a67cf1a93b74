//! A failure, and the ways to report it: lines for people, JSON, an exit status.

use s3_build_cache::{Error, ErrorKind, printable};
use serde_json::{Value, json};

use crate::output::color::{self, RED};
use crate::output::stderr::line;
use crate::output::{advice, exit, stderr};

#[derive(Clone)]
pub(crate) struct Failure {
    kind: ErrorKind,
    /// What failed.
    message: String,
    /// Why, from the nearest cause to the first. May be empty.
    causes: String,
    /// The likely fix, with the flags that apply it.
    hint: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let (message, chain) = (error.to_string(), error.chain());
        let causes = chain.strip_prefix(&message).and_then(|rest| rest.strip_prefix(": ")).unwrap_or_default();
        Self { causes: causes.to_owned(), ..Self::new(error.kind(), message, error.hint()) }
    }
}

impl Failure {
    /// Creates a failure from a message that includes its causes.
    pub(crate) fn new(kind: ErrorKind, message: String, hint: Option<&str>) -> Self {
        Self { kind, message, causes: String::new(), hint: hint.map(advice::with_flags) }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn status(&self) -> u8 {
        exit::status(self.kind)
    }

    /// Returns what failed and why, in one line.
    pub(crate) fn chain(&self) -> String {
        if self.causes.is_empty() { self.message.clone() } else { format!("{}: {}", self.message, self.causes) }
    }

    pub(crate) fn json(&self) -> Value {
        json!({"kind": self.kind.as_str(), "message": self.chain(), "hint": self.hint})
    }

    /// Prints two or three lines on standard error: what failed, why, and the likely fix. `doing` precedes what failed.
    pub(crate) fn print(&self, doing: &str) {
        if stderr::is_json() {
            let message = format!("{doing}{}", self.chain());
            return stderr::event("error", json!({"kind": self.kind.as_str(), "message": message, "hint": self.hint}));
        }
        line(&format!("{} {}", color::on_stderr("error:", RED), printable(&format!("{doing}{}", self.message))));
        if !self.causes.is_empty() {
            line(&format!("cause: {}", printable(&self.causes)));
        }
        if let Some(hint) = &self.hint {
            line(&format!("hint: {}", printable(hint)));
        }
    }
}
