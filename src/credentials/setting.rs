//! A setting and the place it was found in.

use crate::base::Error;

/// A setting's value and where it comes from, for people: `AWS_REGION`, or
/// `region of profile ci (/home/u/.aws/config:3)`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) struct Setting<T> {
    /// The value.
    pub value: T,
    /// The attribute, the variable, or the key with its profile, file and line.
    pub origin: String,
}

impl<T> Setting<T> {
    /// A value and its place.
    pub(crate) fn new(value: T, origin: impl Into<String>) -> Self {
        Self { value, origin: origin.into() }
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: change(self.value), origin: self.origin }
    }
}

/// A check of attributes failed on a value that came from elsewhere: the command line is not what must change.
pub(super) fn blame(origin: &str, error: Error) -> Error {
    match error {
        Error::Usage(mut problem) => {
            problem.message = format!("{origin}: {}", problem.message);
            Error::Setup(problem)
        }
        other => other,
    }
}
