//! Writes the manifest under each name, and handles concurrent writers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::base::{Digest, Error, ErrorKind, Result, random_fraction};
use crate::cache_config::{CacheConfig, Crown, MAX_MANIFEST_BYTES};
use crate::config::OnConflict;
use crate::go::Timestamp;
use crate::object::{ObjectMeta, ObjectStore, Payload, PutMode, Version};
use crate::ops::cache::S3Cache;
use crate::ops::export::combine::{Combined, combine};
use crate::ops::export::kept::{Refresh, keep_blobs};
use crate::ops::export::touch::Touches;
use crate::ops::manifests::load_name;
use crate::ops::persist::{is_transient_or_damaged_once, persist};
use crate::ops::report::{MergedManifest, Report};

/// The maximum number of conflicts before a merge gives up.
const MOST_CONFLICTS: usize = 20;
/// The first pause after a conflict. It doubles until it is [`LONGEST_PAUSE`], and each is shortened at random, so that
/// writers do not run in step.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The number of times that the pause doubles.
const MOST_DOUBLINGS: u32 = 6;

/// What is known about the object that a write replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Before {
    /// It does not exist.
    Absent,
    /// It has this version, if the store reports one.
    Present(Option<Version>),
}

/// The manifests that an export writes.
pub(in crate::ops) struct Publisher<'a> {
    cache: &'a S3Cache,
    config: &'a CacheConfig,
    /// What was under each name when the export began, if that matters.
    before: Vec<(String, Option<Before>)>,
    /// Whether the warning about a store without conditional writes was shown.
    warned: AtomicBool,
    touches: Touches,
    /// Refreshes the blobs of others in place of `touches`.
    refresh: Option<&'a dyn Refresh>,
}

impl Before {
    pub(in crate::ops) fn of(meta: Option<ObjectMeta>) -> Self {
        meta.map_or(Self::Absent, |meta| Self::Present(meta.version))
    }

    /// Returns the condition that the object has not changed, or `None` if it cannot be expressed.
    fn condition(&self) -> Option<PutMode> {
        match self {
            Self::Absent => Some(PutMode::Create),
            Self::Present(version) => version.clone().filter(Version::is_strong).map(PutMode::Replace),
        }
    }
}

impl<'a> Publisher<'a> {
    /// Prepares to write under these names. To be called before the first blob is sent.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub(in crate::ops) fn new(cache: &'a S3Cache, config: &'a CacheConfig, names: Vec<String>) -> Result<Self> {
        let fails = cache.options.policy().on_conflict == OnConflict::Fail;
        let before = |name: String| {
            let before = if fails { Some(Before::of(cache.store.head(&cache.keys.manifest(&name))?)) } else { None };
            Ok((name, before))
        };
        let before = names.into_iter().map(before).collect::<Result<_>>()?;
        Ok(Self { cache, config, before, warned: AtomicBool::new(false), touches: Touches::default(), refresh: None })
    }

    /// Replaces what was found under a name by what is known from an earlier time, if that matters.
    pub(in crate::ops) fn since(mut self, known: impl Fn(&str) -> Option<Before>) -> Self {
        for (name, before) in &mut self.before {
            *before = before.take().map(|found| known(name).unwrap_or(found));
        }
        self
    }

    /// Refreshes the blobs of others with `refresh`.
    pub(in crate::ops) fn refreshing(self, refresh: &'a dyn Refresh) -> Self {
        Self { refresh: Some(refresh), ..self }
    }

    /// Returns the names, of an export that writes nothing.
    pub(super) fn into_names(self) -> Vec<String> {
        self.before.into_iter().map(|(name, _)| name).collect()
    }

    /// Writes the manifests, after all blobs.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another writer came between; otherwise if the store refuses or fails.
    pub(in crate::ops) fn publish(&self, report: &mut Report) -> Result<()> {
        for (name, before) in &self.before {
            self.cache.context.cancel.check()?;
            match (self.cache.options.policy().on_conflict, before) {
                (OnConflict::Merge, _) => report.merged.push(self.merge(name)?),
                (_, Some(before)) => self.replace(name, before)?,
                (_, None) => self.overwrite(name)?,
            }
            report.names.push(name.clone());
        }
        Ok(())
    }

    fn overwrite(&self, name: &str) -> Result<()> {
        let manifest = self.config.s3_payload(self.cache.crown());
        self.put(&self.cache.keys.manifest(name), &manifest, &PutMode::Overwrite)
    }

    fn replace(&self, name: &str, before: &Before) -> Result<()> {
        let manifest = self.config.s3_payload(self.cache.crown());
        if self.put_if(name, &manifest, before)? {
            return Ok(());
        }
        let location = self.cache.store.location(&self.cache.keys.manifest(name));
        Err(Error::conflict(format!("another writer has written {location} since this export began"))
            .with_hint("run the command again, or set on_conflict=merge to keep the builds of both"))
    }

    fn merge(&self, name: &str) -> Result<MergedManifest> {
        let (cache, mut conflicts) = (self.cache, 0);
        let refresh = self.refresh.unwrap_or(&self.touches);
        loop {
            let (present, before) = self.present(name)?;
            let now = cache.store.now().unwrap_or_else(|| cache.context.clock.now());
            let now = Timestamp::from(now).to_whole_seconds();
            let combined = combine(self.config, present.as_ref(), now, cache.options.policy())?;
            let Combined { config, leaves, kept, dropped, too_large } = combined;
            if too_large && conflicts == 0 {
                self.warn_too_large();
            }
            let (config, lost_blobs) = keep_blobs(cache, refresh, self.config, config)?;
            let manifest = config.s3_payload(Crown::Timed);
            if self.put_if(name, &manifest, &before)? {
                return Ok(MergedManifest { name: name.to_owned(), leaves, kept, dropped, lost_blobs, conflicts });
            }
            conflicts += 1;
            if conflicts > MOST_CONFLICTS {
                let location = cache.store.location(&cache.keys.manifest(name));
                let message =
                    format!("cannot merge into {location}: other writers changed it {conflicts} times in a row");
                return Err(Error::conflict(message).with_hint("run the command again when fewer jobs export"));
            }
            self.pause(conflicts)?;
        }
    }

    fn warn_too_large(&self) {
        let most = self.cache.options.policy().merge_max_size;
        self.cache.context.warn(&format!(
            "the manifest of this export alone is larger than merge_max_size ({most} bytes), so no builds of other jobs \
             can be kept: raise merge_max_size, or export with mode=min"
        ));
    }

    /// Waits before the next attempt.
    fn pause(&self, conflicts: usize) -> Result<()> {
        let doublings = u32::try_from(conflicts - 1).unwrap_or(u32::MAX).min(MOST_DOUBLINGS);
        let longest = (FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE);
        let pause = longest.mul_f64(random_fraction());
        let context = &self.cache.context;
        log::info!("another writer came between; merging again in {:.1} s", pause.as_secs_f32());
        context.clock.sleep(pause, &context.cancel);
        context.cancel.check()
    }

    /// Returns the manifest under a name. One that is damaged or archived is replaced.
    fn present(&self, name: &str) -> Result<(Option<(String, CacheConfig)>, Before)> {
        let cache = self.cache;
        let mut known = None;
        loop {
            let unusable = match load_name(cache, name.to_owned()) {
                Ok(Some(found)) => return Ok((Some((found.location, found.config)), Before::Present(found.version))),
                Ok(None) => None,
                Err(error) if error.kind() == ErrorKind::Integrity => Some(error),
                Err(error) => return Err(error),
            };
            let Some(before) = known.take() else {
                // Read again after its version is known: by now, another writer may have replaced it.
                match Before::of(cache.store.head(&cache.keys.manifest(name))?) {
                    Before::Absent => return Ok((None, Before::Absent)),
                    present => known = Some(present),
                }
                continue;
            };
            if let Some(error) = unusable {
                cache.context.warn(&format!("replacing a manifest that cannot be merged: {}", error.chain()));
            }
            return Ok((None, before));
        }
    }

    /// Writes the manifest if nobody else has written since `before`. Returns whether it was written.
    fn put_if(&self, name: &str, manifest: &dyn Payload, before: &Before) -> Result<bool> {
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

    /// Does the same on a store without conditions: another writer at the same instant may be lost.
    fn put_carefully(&self, key: &str, manifest: &dyn Payload, before: &Before) -> Result<bool> {
        let cache = self.cache;
        if !self.warned.swap(true, Ordering::Relaxed) {
            let location = cache.store.location(key);
            cache.context.warn(&format!(
                "cannot write {location} conditionally: if two jobs write it at the same instant, the export of one may \
                 be lost"
            ));
        }
        if Before::of(cache.store.head(key)?) != *before {
            return Ok(false);
        }
        self.put(key, manifest, &PutMode::Overwrite)?;
        self.is_there(key, manifest)
    }

    fn put(&self, key: &str, manifest: &dyn Payload, mode: &PutMode) -> Result<()> {
        persist(&self.cache.context, is_transient_or_damaged_once(), || {
            self.cache.store.put(key, manifest, mode).map(drop)
        })
    }

    /// Returns whether the object has the bytes of the payload: nobody else has written it.
    fn is_there(&self, key: &str, manifest: &dyn Payload) -> Result<bool> {
        let Some(reader) = self.cache.open_object(key.to_owned())? else { return Ok(false) };
        let bytes = reader.read_to_vec(MAX_MANIFEST_BYTES)?;
        Ok(manifest.sha256().is_ok_and(|sha256| sha256 == Digest::of(&bytes)))
    }
}
