//! The errors of reading a document.

use std::fmt;

/// Why a document could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonProblem {
    /// Something else was found where this was expected.
    Expected {
        /// What was expected: a noun phrase.
        expected: &'static str,
        /// The byte offset.
        at: usize,
        /// Whether the document ends there.
        is_end: bool,
    },
    /// The values would take more memory than this.
    Memory(usize),
}

impl fmt::Display for JsonProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected { expected, at, is_end } => {
                let end = if *is_end { ", where the document ends" } else { "" };
                write!(f, "expected {expected} at byte {at}{end}")
            }
            Self::Memory(limit) => write!(f, "its values would take more than {limit} bytes of memory"),
        }
    }
}

/// The result of reading a value.
pub(super) type Read<T> = Result<T, JsonProblem>;
