//! Finds out whether a store honours the conditions of writes.

use crate::base::{Digest, ErrorKind, Result};
use crate::object::{BytesPayload, ObjectStore, Payload as _, PutMode, Version};
use crate::ops::cache::S3Cache;
use crate::ops::persist::{is_transient_or_damaged_once, persist};

/// The content of the object that tests writes and their conditions. It is constant, so a bucket has at most one.
pub(super) const PROBE: &[u8] = b"s3-build-cache: does this store honour the conditions of writes?\n";

/// Returns the digest of the object that tests conditional writes. It looks like a blob that no manifest references.
pub(super) fn probe_digest() -> Digest {
    Digest::of(PROBE)
}

impl S3Cache {
    /// Returns whether the store honours the conditions of writes. Tries it once per cache if the store does not say.
    ///
    /// # Errors
    /// If the store refuses the writes for another reason, or fails.
    pub(super) fn honours_conditions(&self) -> Result<bool> {
        if let Some(known) = self.conditions.get() {
            return Ok(*known);
        }
        let honoured = self.store.honours_conditions() || self.try_conditions()?;
        log::info!(
            "{}: conditional writes are {}",
            self.location(),
            if honoured { "honoured" } else { "not honoured" }
        );
        Ok(*self.conditions.get_or_init(|| honoured))
    }

    /// Writes an object under conditions that do not hold.
    fn try_conditions(&self) -> Result<bool> {
        let payload = BytesPayload::new(PROBE.to_vec());
        let Ok(digest) = payload.sha256() else { return Ok(false) };
        let key = self.keys.blob(&digest);
        let put = |mode: &PutMode| {
            persist(&self.context, is_transient_or_damaged_once(), || self.store.put(&key, &payload, mode))
        };
        if self.store.head(&key)?.is_none() {
            put(&PutMode::Overwrite)?;
        }
        for mode in [PutMode::Create, PutMode::Replace(Version::new("\"s3-build-cache\""))] {
            match put(&mode) {
                Err(error) if error.kind() == ErrorKind::PreconditionFailed => {}
                Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(false),
                Err(error) => return Err(error),
                Ok(_) => return Ok(false),
            }
        }
        Ok(true)
    }
}
