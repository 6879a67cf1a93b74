//! A setting and where it was found.

use crate::base::Error;

/// A setting's value and a human-readable origin, such as `AWS_REGION` or `region of profile ci
/// (/home/u/.aws/config:3)`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) struct Setting<T> {
    /// The value.
    pub value: T,
    /// The attribute, the variable, or the key with its profile, file and line.
    pub origin: String,
}

impl<T> Setting<T> {
    /// Creates a setting from a value and its origin.
    pub(crate) fn new(value: T, origin: impl Into<String>) -> Self {
        Self { value, origin: origin.into() }
    }

    /// Changes the value and keeps the origin.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: change(self.value), origin: self.origin }
    }
}

/// Returns the error for a setting: a usage error if an attribute sets it, because that can be changed on the spot.
pub(super) fn setting_error(is_attribute: bool, message: String) -> Error {
    if is_attribute { Error::usage(message) } else { Error::setup(message) }
}

/// Adjusts the error of an attribute check for a value that came from elsewhere, so that it does not suggest changing
/// the command line.
pub(crate) fn blame(origin: &str, error: Error) -> Error {
    match error {
        Error::Usage(mut problem) => {
            problem.message = format!("{origin}: {}", problem.message);
            Error::Setup(problem)
        }
        other => other,
    }
}
