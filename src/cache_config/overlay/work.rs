//! The limits of a merge, which stop hostile input.

use crate::base::{Error, Result};

/// The maximum number of steps of one merge: links compared, and records considered. Real caches need a few dozen for
/// each record of each source, and a hostile one takes some seconds to get here.
pub(super) const MAX_STEPS: usize = 50_000_000;

/// How many links one pass over two configs may create in addition to theirs. Each of them takes memory.
pub(super) const MAX_NEW_LINKS: usize = 1_000_000;

/// What is left of the limits.
pub(super) struct Work {
    steps: usize,
    links: usize,
}

impl Work {
    pub(super) fn new() -> Self {
        Self { steps: MAX_STEPS, links: MAX_NEW_LINKS }
    }

    /// Begins a pass over two configs.
    pub(super) fn begin_pass(&mut self) {
        self.links = MAX_NEW_LINKS;
    }

    /// Counts steps.
    ///
    /// # Errors
    /// [`Error::Integrity`] if there were too many.
    pub(super) fn spend(&mut self, steps: usize) -> Result<()> {
        self.steps = self.steps.checked_sub(steps).ok_or_else(|| exceeded("steps", MAX_STEPS))?;
        Ok(())
    }

    /// Counts links that no source has.
    ///
    /// # Errors
    /// [`Error::Integrity`] if there were too many.
    pub(super) fn create(&mut self, links: usize) -> Result<()> {
        self.links = self.links.checked_sub(links).ok_or_else(|| exceeded("new links", MAX_NEW_LINKS))?;
        Ok(())
    }
}

fn exceeded(what: &str, limit: usize) -> Error {
    let message = format!("the caches contradict each other too much: merging them takes more than {limit} {what}");
    Error::integrity(message).with_hint("import fewer caches at once, or export them again")
}
