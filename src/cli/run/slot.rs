//! A place on a command line that holds an S3 cache, and what replaces it.

use crate::run::s3_value::{Direction, S3Value};

/// An S3 cache on a command line.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) direction: Direction,
    pub(crate) value: S3Value,
}

/// What takes the place of an S3 cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Replacement {
    Value(String),
    /// The value stays as it was given.
    Keep,
    /// The option is left out.
    Drop,
}
