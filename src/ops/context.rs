//! The environment an operation runs in.

use std::sync::Arc;

use crate::base::{Action, Cancel, Clock, Digest, Event, Progress};

/// The maximum number of warnings of one kind to show, and of lost blobs to list in an error.
pub(super) const MOST_WARNINGS: usize = 20;

/// The environment an operation runs in.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) progress: Arc<dyn Progress>,
    pub(super) cancel: Cancel,
}

impl Context {
    pub(super) fn warn(&self, message: &str) {
        log::warn!("{message}");
        self.progress.event(&Event::Warning(message));
    }

    /// Shows the first warnings, then how many more of `these` there are.
    pub(super) fn warn_all(&self, warnings: Vec<String>, these: &str) {
        for warning in warnings.iter().take(MOST_WARNINGS) {
            self.warn(warning);
        }
        if warnings.len() > MOST_WARNINGS {
            self.warn(&format!("{} more {these}", warnings.len() - MOST_WARNINGS));
        }
    }

    pub(super) fn finished(&self, digest: &Digest, action: Action, total: u64) {
        self.progress.event(&Event::Finished { digest, action, total });
    }
}
