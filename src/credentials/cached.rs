//! A source of temporary credentials behind a cache.

use std::sync::{Arc, Once};
use std::time::Duration;

use crate::base::{Clock, Error, ErrorKind, Result};
use crate::credentials::provider::CredentialsProvider;
use crate::credentials::refreshed::{REFRESH_PART, Refreshed, Timing};
use crate::sigv4::Credentials;

/// How long before their expiry credentials are refreshed, unless their lifetime is too short for that.
const REFRESH_BEFORE: Duration = Duration::from_secs(5 * 60);

const TIMING: Timing = Timing { early: |valid| REFRESH_BEFORE.min(valid / REFRESH_PART), margin: |_| Duration::ZERO };

/// A source behind a cache. It is queried when a request is signed, by one thread at a time.
pub(super) struct Cached {
    source: Arc<dyn CredentialsProvider>,
    clock: Arc<dyn Clock>,
    /// How to report a failure of the source.
    failure: FailureText,
    refreshed: Refreshed,
    succeeded: Once,
}

/// How to report a failure of the source.
#[derive(Debug)]
pub(super) struct FailureText {
    /// The message, such as `no credentials from …`.
    pub(super) message: String,
    /// The likely fix if the source has no hint of its own.
    pub(super) hint: Option<String>,
    /// A warning to log once if the source succeeds after all.
    pub(super) on_success: Option<String>,
}

impl Cached {
    /// Creates an empty cache.
    pub(super) fn new(source: Arc<dyn CredentialsProvider>, clock: Arc<dyn Clock>, failure: FailureText) -> Self {
        let refreshed = Refreshed::new(clock.clone(), "credentials", TIMING);
        Self { source, clock, failure, refreshed, succeeded: Once::new() }
    }

    fn ask(&self) -> Result<Credentials> {
        let result = self.source.credentials().and_then(|credentials| self.unexpired(credentials));
        if let (Ok(_), Some(warning)) = (&result, &self.failure.on_success) {
            self.succeeded.call_once(|| log::warn!("{warning}"));
        }
        result.map_err(|error| self.explain(error))
    }

    fn unexpired(&self, credentials: Credentials) -> Result<Credentials> {
        if credentials.expires.is_some_and(|expires| expires <= self.clock.now()) {
            return Err(Error::access("the credentials it returned have already expired")
                .with_hint("check this machine's clock, and whatever refreshes the source"));
        }
        Ok(credentials)
    }

    fn explain(&self, error: Error) -> Error {
        let kind = error.kind();
        if kind == ErrorKind::Cancelled {
            return error;
        }
        let message = self.failure.message.clone();
        let outer = if kind == ErrorKind::Setup { Error::setup(message) } else { Error::access(message) };
        let outer = match error.hint().or(self.failure.hint.as_deref()) {
            Some(hint) => outer.with_hint(hint),
            None => outer,
        };
        outer.with_source(error)
    }
}

impl CredentialsProvider for Cached {
    fn credentials(&self) -> Result<Credentials> {
        self.refreshed.get(&|| self.ask())
    }

    fn invalidate(&self, used: &Credentials) {
        self.refreshed.forget(used);
    }

    fn origin(&self) -> String {
        self.source.origin()
    }
}

#[cfg(test)]
mod tests;
