//! What a run reports: a line for people, and the body of the JSON result.

use std::time::Duration;

use s3_build_cache::Error;
use s3_build_cache::serve::ServeSummary;
use serde_json::Value;

use crate::output::{json, merged, served, stderr};

/// A run whose command has ended, or could not be started.
#[derive(Default)]
pub(crate) struct Finished {
    /// The exit status.
    pub(crate) status: u8,
    /// The caches that the command was to use.
    pub(crate) caches: Vec<String>,
    pub(crate) elapsed: Duration,
    /// What the server did, if there was one.
    pub(crate) summary: Option<ServeSummary>,
    /// Why the command was not started.
    pub(crate) error: Option<Error>,
}

impl Finished {
    /// Reports what the server did, and warns if the command never used it.
    pub(super) fn report(&self, quiet: bool) {
        let (Some(summary), None) = (&self.summary, &self.error) else { return };
        // A command that failed had perhaps not come to the build.
        if summary.requests == 0 && self.status == 0 {
            log::warn!(
                "the command never used the cache server: its builder does not reach it, or the command did not pass the \
                 caches on"
            );
        }
        if !quiet && stderr::is_json() {
            stderr::event("summary", self.body());
        } else if !quiet {
            stderr::line(&format!("s3-build-cache: {}", served::line(summary)));
        }
    }

    /// Returns the body of the JSON result.
    pub(crate) fn body(&self) -> Value {
        let summary = served::body(&self.summary.clone().unwrap_or_default());
        let (status, caches, seconds) = (self.status, &self.caches, json::seconds(self.elapsed));
        merged(summary, json!({"status": status, "caches": caches, "seconds": seconds}))
    }
}

/// Returns the body of a run that started nothing.
pub(crate) fn nothing_done() -> Value {
    Finished::default().body()
}
