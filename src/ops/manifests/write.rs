//! Writes a manifest unless another writer came between.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::{Digest, Error, ErrorKind, Result};
use crate::cache_config::{Crown, MAX_MANIFEST_BYTES};
use crate::object::{ObjectMeta, ObjectStore as _, Payload, PutMode, Version};
use crate::ops::cache::S3Cache;
use crate::ops::manifests::load::Found;
use crate::ops::persist::{is_transient_or_damaged_once, persist};

/// What is known about the object that a write replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Before {
    /// It does not exist.
    Absent,
    /// It has this version, if the store reports one.
    Present(Option<Version>),
}

/// Writes manifests of one cache.
pub(in crate::ops) struct ManifestWriter<'a> {
    cache: &'a S3Cache,
    /// Whether the warning about a store without conditional writes was shown.
    warned: AtomicBool,
}

impl Before {
    pub(in crate::ops) fn of(meta: Option<ObjectMeta>) -> Self {
        meta.map_or(Self::Absent, |meta| Self::Present(meta.version))
    }

    /// Returns the condition that the object has not changed, or `None` if it cannot be expressed.
    pub(in crate::ops) fn condition(&self) -> Option<PutMode> {
        match self {
            Self::Absent => Some(PutMode::Create),
            Self::Present(version) => version.clone().filter(Version::is_strong).map(PutMode::Replace),
        }
    }
}

impl<'a> ManifestWriter<'a> {
    pub(in crate::ops) fn new(cache: &'a S3Cache) -> Self {
        Self { cache, warned: AtomicBool::new(false) }
    }

    /// Writes the manifest if nobody else has written since `before`. Returns whether it was written.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub(in crate::ops) fn put_if(&self, name: &str, manifest: &dyn Payload, before: &Before) -> Result<bool> {
        let cache = self.cache;
        let key = cache.keys.manifest(name);
        let condition = if cache.honours_conditions()? { before.condition() } else { None };
        let Some(mode) = condition else { return self.put_carefully(&key, manifest, before) };
        match self.put(&key, manifest, &mode) {
            // An earlier attempt, whose answer was lost, may have written it.
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => self.is_there(&key, manifest),
            Err(error) if error.kind() == ErrorKind::Unsupported => self.put_carefully(&key, manifest, before),
            Err(error) => Err(error),
            Ok(()) if cache.store.honours_conditions() => Ok(true),
            Ok(()) => self.is_there(&key, manifest),
        }
    }

    /// Writes a manifest again without the layers and results that need a lost blob, if nobody else has written since
    /// it was found. Returns whether it was written.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub(in crate::ops) fn put_without(&self, found: Found, lost: &HashSet<Digest>) -> Result<bool> {
        let crown = if found.config.leaf_times().is_empty() { self.cache.crown() } else { Crown::Timed };
        let config = found.config.without_blobs(lost);
        self.put_if(&found.name, &config.s3_payload(crown), &Before::Present(found.version))
    }

    /// Does the same as [`put_if`](Self::put_if) on a store without conditions: another writer at the same instant may
    /// be lost.
    fn put_carefully(&self, key: &str, manifest: &dyn Payload, before: &Before) -> Result<bool> {
        let cache = self.cache;
        if !self.warned.swap(true, Ordering::Relaxed) {
            let location = cache.store.location(key);
            cache.context.warn(&format!(
                "cannot write {location} conditionally: if two jobs write it at the same instant, the export of one may \
                 be lost"
            ));
        }
        if Before::of(persist(&cache.context, Error::is_transient, || cache.store.head(key))?) != *before {
            return Ok(false);
        }
        self.put(key, manifest, &PutMode::Overwrite)?;
        self.is_there(key, manifest)
    }

    /// Writes the object. Repeats a request that fails for a while.
    ///
    /// # Errors
    /// If the store refuses or fails, or the condition of `mode` does not hold.
    pub(in crate::ops) fn put(&self, key: &str, manifest: &dyn Payload, mode: &PutMode) -> Result<()> {
        persist(&self.cache.context, is_transient_or_damaged_once(), || {
            self.cache.store.put(key, manifest, mode).map(drop)
        })
    }

    /// Returns whether the object has the bytes of the payload: nobody else has written it.
    fn is_there(&self, key: &str, manifest: &dyn Payload) -> Result<bool> {
        let read = || {
            let reader = self.cache.open_object(key.to_owned())?;
            reader.map(|reader| reader.read_to_vec(MAX_MANIFEST_BYTES)).transpose()
        };
        let Some(bytes) = persist(&self.cache.context, Error::is_transient, read)? else { return Ok(false) };
        Ok(manifest.sha256().is_ok_and(|sha256| sha256 == Digest::of(&bytes)))
    }
}
