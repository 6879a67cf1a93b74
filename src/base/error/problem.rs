//! A problem in words: what happened, its cause and the likely fix.

use std::fmt;
use std::sync::Arc;

use super::SharedError;

/// What happened, in one lower-case sentence without a full stop, with the fix and the cause if they are known.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Problem {
    /// What happened, including the attribute, file, key or digest.
    pub message: String,
    /// The likely fix.
    pub hint: Option<String>,
    pub(super) source: Option<SharedError>,
}

impl Problem {
    /// Returns a problem without a hint or a cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, source: None }
    }

    /// Adds the likely fix.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
