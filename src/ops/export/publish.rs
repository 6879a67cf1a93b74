//! Writes the manifest under each name, and handles concurrent writers.

use std::sync::Mutex;
use std::time::Duration;

use crate::base::{Digest, Error, ErrorKind, Result, Unpoisoned as _, random_fraction};
use crate::cache_config::{CacheConfig, Crown};
use crate::config::OnConflict;
use crate::go::Timestamp;
use crate::object::{BytesPayload, ObjectMeta, ObjectStore, Payload, PutMode};
use crate::ops::cache::S3Cache;
use crate::ops::export::combine::{Combined, combine};
use crate::ops::export::existing::Existing;
use crate::ops::export::kept::{Refresh, keep_blobs};
use crate::ops::export::touch::Touches;
use crate::ops::manifests::{Before, ManifestWriter, load_name};
use crate::ops::persist::persist;
use crate::ops::report::{MergedManifest, Report};

/// The maximum number of conflicts before a merge gives up.
const MOST_CONFLICTS: usize = 20;
/// The first pause after a conflict. It doubles until it is [`LONGEST_PAUSE`], and each is shortened at random, so that
/// writers do not run in step.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The number of times that the pause doubles.
const MOST_DOUBLINGS: u32 = 6;

/// The manifests that an export writes.
pub(in crate::ops) struct Publisher<'a> {
    cache: &'a S3Cache,
    config: &'a CacheConfig,
    /// The bytes of the manifest, if they are not made from the config.
    bytes: Option<&'a BytesPayload>,
    /// What was under each name when the export began, if that matters.
    before: Vec<(String, Option<Before>)>,
    writer: ManifestWriter<'a>,
    touches: Touches,
    /// Refreshes the blobs of others in place of `touches`.
    refresh: Option<&'a dyn Refresh>,
    /// The blobs of other exports that merged manifests need.
    others: Mutex<Existing>,
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
        let (writer, touches) = (ManifestWriter::new(cache), Touches::default());
        Ok(Self { cache, config, bytes: None, before, writer, touches, refresh: None, others: Mutex::default() })
    }

    /// Writes these bytes, which are those of another manifest, instead of those made from the config.
    pub(super) fn copying(self, bytes: Option<&'a BytesPayload>) -> Self {
        Self { bytes, ..self }
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

    /// Returns the names to write.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.before.iter().map(|(name, _)| name)
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

    /// Returns the blobs of other exports that merged manifests need and a pruning may have deleted by now, since this
    /// was called last.
    pub(in crate::ops) fn take_old(&self) -> Vec<(Digest, u64)> {
        std::mem::take(&mut *self.others.lock().unpoisoned()).old(self.cache)
    }

    /// Writes the manifests again, after blobs have vanished. One that is only written if nobody else has written it is
    /// left as it is: it names the same blobs.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub(super) fn publish_again(&self, report: &mut Report) -> Result<()> {
        for (name, _) in &self.before {
            self.cache.context.cancel.check()?;
            match self.cache.options.policy().on_conflict {
                OnConflict::Merge => {
                    let merged = self.merge(name)?;
                    report.merged.retain(|one| one.name != merged.name);
                    report.merged.push(merged);
                }
                OnConflict::Overwrite => self.overwrite(name)?,
                OnConflict::Fail => {}
            }
        }
        Ok(())
    }

    /// Writes again the manifests that are gone: a pruning that looked at an old one before it was written has dropped
    /// it.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub(in crate::ops) fn restore(&self) -> Result<()> {
        for (name, _) in &self.before {
            let key = self.cache.keys.manifest(name);
            if self.head(name)?.is_some() {
                continue;
            }
            let location = self.cache.store.location(&key);
            self.cache.context.warn(&format!("{location} was removed meanwhile: writing it again"));
            match self.cache.options.policy().on_conflict {
                OnConflict::Merge => drop(self.merge(name)?),
                OnConflict::Overwrite => self.overwrite(name)?,
                // Another writer may have come first.
                OnConflict::Fail => drop(self.with_manifest(|one| self.writer.put_if(name, one, &Before::Absent))?),
            }
        }
        Ok(())
    }

    /// Returns the metadata of the manifest under a name. Repeats a request that fails for a while: all blobs are sent.
    fn head(&self, name: &str) -> Result<Option<ObjectMeta>> {
        let Self { cache, .. } = self;
        persist(&cache.context, Error::is_transient, || cache.store.head(&cache.keys.manifest(name)))
    }

    /// Passes the manifest to `write`.
    fn with_manifest<T>(&self, write: impl FnOnce(&dyn Payload) -> Result<T>) -> Result<T> {
        match self.bytes {
            Some(bytes) => write(bytes),
            None => write(&self.config.s3_payload(self.cache.crown())),
        }
    }

    fn overwrite(&self, name: &str) -> Result<()> {
        let key = self.cache.keys.manifest(name);
        self.with_manifest(|manifest| self.writer.put(&key, manifest, &PutMode::Overwrite))
    }

    fn replace(&self, name: &str, before: &Before) -> Result<()> {
        if self.with_manifest(|manifest| self.writer.put_if(name, manifest, before))? {
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
            let now = cache.now();
            let now = Timestamp::from(now).to_whole_seconds();
            let combined = combine(self.config, present.as_ref(), now, cache.options.policy())?;
            let Combined { config, leaves, kept, dropped, too_large } = combined;
            if too_large && conflicts == 0 {
                self.warn_too_large();
            }
            let (config, lost_blobs) = keep_blobs(cache, refresh, &self.others, (self.config, config))?;
            let manifest = config.s3_payload(Crown::Timed);
            if self.writer.put_if(name, &manifest, &before)? {
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
                match Before::of(self.head(name)?) {
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
}
