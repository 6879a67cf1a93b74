//! What to prune.

use std::time::Duration;

use crate::base::{Error, Result};
use crate::bucket::Names;

/// The grace must exceed the age at which writers refresh blobs by at least this, for the duration of a build.
const LONGEST_BUILD: Duration = Duration::from_secs(3600);
const DEFAULT_GRACE: Duration = Duration::from_secs(48 * 3600);

/// What to prune. Without [`older_than`](Self::older_than) and [`max_size`](Self::max_size), no manifest is dropped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PruneOptions {
    /// Drops only manifests that were last written longer ago than this, by the store's clock.
    pub older_than: Option<Duration>,
    /// Drops the manifests that were written first, until the blobs of the others have at most this many bytes.
    pub max_size: Option<u64>,
    /// Never drops the manifests that were written last, as many as this.
    pub keep_last: usize,
    /// Never drops manifests with these names.
    pub keep: Option<Names>,
    /// How long a blob must have been unreferenced and unmodified before it is deleted. It must be longer than the
    /// longest build plus the largest `touch_refresh` of any writer.
    pub grace: Duration,
    /// Whether to delete what is unreferenced at once, instead of in a later run. Builds that read a dropped or replaced
    /// manifest at this moment may fail. Blobs that were modified within the grace are spared, because an export may be
    /// about to reference them.
    pub now: bool,
    /// Whether to prune although the grace is too short, other manifests may share the blobs, or the store does not
    /// refresh the age of blobs.
    pub force: bool,
}

impl Default for PruneOptions {
    fn default() -> Self {
        Self {
            older_than: None,
            max_size: None,
            keep_last: 0,
            keep: None,
            grace: DEFAULT_GRACE,
            now: false,
            force: false,
        }
    }
}

impl PruneOptions {
    /// Returns the defaults: no manifest is dropped, and the grace is 48 hours.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`older_than`](Self::older_than).
    #[must_use]
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// Sets [`max_size`](Self::max_size).
    #[must_use]
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// Sets [`keep_last`](Self::keep_last).
    #[must_use]
    pub fn keep_last(mut self, manifests: usize) -> Self {
        self.keep_last = manifests;
        self
    }

    /// Sets [`keep`](Self::keep).
    #[must_use]
    pub fn keep(mut self, names: Names) -> Self {
        self.keep = Some(names);
        self
    }

    /// Sets [`grace`](Self::grace).
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets [`now`](Self::now).
    #[must_use]
    pub fn now(mut self, now: bool) -> Self {
        self.now = now;
        self
    }

    /// Sets [`force`](Self::force).
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// Returns whether manifests may be dropped.
    pub(super) fn drops(&self) -> bool {
        self.older_than.is_some() || self.max_size.is_some()
    }

    /// Checks the options, given the largest `touch_refresh`.
    ///
    /// # Errors
    /// [`Error::Usage`] if a keep rule has nothing to limit, or the grace is too short.
    pub(super) fn check(&self, touch_refresh: Duration) -> Result<()> {
        if !self.drops() && (self.keep_last > 0 || self.keep.is_some()) {
            return Err(Error::usage("there is nothing to keep manifests from: no rule drops any")
                .with_hint("set an age or a size that drops manifests, or leave out what to keep"));
        }
        let least = touch_refresh.saturating_add(LONGEST_BUILD);
        if self.grace < least && !self.force {
            let hours = |time: Duration| time.as_secs().div_ceil(3600);
            let message = format!(
                "the grace is too short: exports that found a blob up to {} h old do not refresh it",
                hours(touch_refresh)
            );
            return Err(
                Error::usage(message).with_hint(format!("use a grace of at least {} h, or force it", hours(least)))
            );
        }
        Ok(())
    }
}
