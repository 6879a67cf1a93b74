//! Locks that outlive a panic.

use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

/// Takes a lock even if a thread panicked while it held the lock. Every change under a lock of this crate leaves its
/// data valid, and a second panic would only hide the first.
///
/// ```
/// use std::sync::Mutex;
///
/// use s3_build_cache::program::Unpoisoned as _;
///
/// let count = Mutex::new(0);
/// *count.lock().unpoisoned() += 1;
/// assert_eq!(count.into_inner().unpoisoned(), 1);
/// ```
pub trait Unpoisoned {
    /// What the lock guards, or the guard.
    type Guarded;

    /// Returns the guard or the value, poisoned or not.
    fn unpoisoned(self) -> Self::Guarded;
}

impl<T> Unpoisoned for LockResult<T> {
    type Guarded = T;

    fn unpoisoned(self) -> T {
        self.unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` if the lock is held.
impl<T> Unpoisoned for TryLockResult<T> {
    type Guarded = Option<T>;

    fn unpoisoned(self) -> Option<T> {
        match self {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
