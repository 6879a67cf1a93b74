//! What a store claims to do, compared with what it does.

use std::fmt::Debug;

use s3_build_cache::{ErrorKind, Result};

/// What a store does with an optional operation or a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It supports the operation, or checks the condition.
    #[default]
    Has,
    /// It refuses the operation or the condition as unsupported.
    Unsupported,
    /// It ignores the condition.
    Ignores,
}

impl Claim {
    /// Compares the result of an operation with the claim. Returns its value if the store supports the operation.
    pub(super) fn supports<T: Debug>(self, result: Result<T>, what: &str) -> Option<T> {
        match result {
            Ok(value) => {
                assert_ne!(self, Self::Unsupported, "{what} is supported");
                Some(value)
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{what}: {}", error.chain());
                assert_eq!(self, Self::Unsupported, "{what}: {}", error.chain());
                None
            }
        }
    }

    /// Compares the result of an operation whose condition does not hold with the claim. Returns whether the store
    /// checks conditions.
    pub(super) fn refuses<T: Debug>(self, result: Result<T>, what: &str) -> bool {
        let seen = match &result {
            Ok(_) => Self::Ignores,
            Err(error) if error.kind() == ErrorKind::Unsupported => Self::Unsupported,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{what}: {}", error.chain());
                Self::Has
            }
        };
        assert_eq!(seen, self, "{what}: {result:?}");
        seen == Self::Has
    }
}
