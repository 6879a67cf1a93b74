//! Caches temporary credentials and refreshes them before they expire.

use std::sync::{Arc, Mutex, MutexGuard, Once};
use std::time::{Duration, SystemTime};

use crate::base::{Clock, Error, ErrorKind, Result, Unpoisoned as _};
use crate::credentials::provider::CredentialsProvider;
use crate::sigv4::Credentials;

/// How long before their expiry credentials are refreshed, unless their lifetime is too short for that.
const REFRESH_BEFORE: Duration = Duration::from_secs(5 * 60);
/// Credentials too short-lived for [`REFRESH_BEFORE`] are refreshed in the last quarter of their lifetime.
const REFRESH_PART: u32 = 4;
/// How long to wait before retrying a failed source while its previous credentials are still valid.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// A source behind a cache. It is queried when a request is signed, by one thread at a time.
pub(super) struct Cached {
    source: Arc<dyn CredentialsProvider>,
    clock: Arc<dyn Clock>,
    /// How to report a failure of the source.
    failure: FailureText,
    state: Mutex<State>,
    /// Held by the thread that is querying the source.
    asking: Mutex<()>,
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

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// The number of times the source was queried.
    asked: u64,
    /// The latest failure, for the threads that waited for that query.
    failed: Option<Error>,
    warned: bool,
}

#[derive(Clone)]
struct Kept {
    credentials: Credentials,
    /// When to refresh the credentials; `None` if they do not expire.
    refresh: Option<SystemTime>,
}

/// What the cache currently holds.
enum Have {
    Fresh(Credentials),
    /// Still valid, but due for a refresh.
    Ageing(Credentials),
    Nothing,
}

impl Cached {
    /// Creates an empty cache.
    pub(super) fn new(source: Arc<dyn CredentialsProvider>, clock: Arc<dyn Clock>, failure: FailureText) -> Self {
        Self { source, clock, failure, state: Mutex::default(), asking: Mutex::default(), succeeded: Once::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unpoisoned()
    }

    fn have(&self) -> Have {
        let now = self.clock.now();
        match &self.state().kept {
            Some(Kept { credentials, refresh }) if refresh.is_none_or(|refresh| now < refresh) => {
                Have::Fresh(credentials.clone())
            }
            Some(Kept { credentials, .. }) if credentials.expires.is_none_or(|expires| now < expires) => {
                Have::Ageing(credentials.clone())
            }
            _ => Have::Nothing,
        }
    }

    /// Queries the source. The caller must hold `asking`.
    fn ask(&self) -> Result<Credentials> {
        let result = self.source.credentials().and_then(|credentials| self.unexpired(credentials));
        let mut state = self.state();
        state.asked += 1;
        match result {
            Ok(credentials) => {
                if let Some(warning) = &self.failure.on_success {
                    self.succeeded.call_once(|| log::warn!("{warning}"));
                }
                let refresh = credentials.expires.map(|expires| refresh_at(self.clock.now(), expires));
                *state = State {
                    kept: Some(Kept { credentials: credentials.clone(), refresh }),
                    asked: state.asked,
                    ..State::default()
                };
                Ok(credentials)
            }
            Err(error) => {
                let error = self.explain(error);
                state.failed = Some(error.clone());
                Err(error)
            }
        }
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

    /// Handles a failed early refresh by reusing the old credentials, which are still valid, for a while.
    fn keep_using(&self, old: Credentials, error: Error) -> Result<Credentials> {
        if error.kind() == ErrorKind::Cancelled {
            return Err(error);
        }
        let now = self.clock.now();
        let mut state = self.state();
        if !std::mem::replace(&mut state.warned, true) {
            log::warn!("{}; continuing with the previous credentials while they are valid", error.chain());
        }
        if let Some(kept) = &mut state.kept {
            let pause = old.expires.map_or(RETRY_AFTER, |expires| left(now, expires) / REFRESH_PART).min(RETRY_AFTER);
            kept.refresh = Some(now + pause);
        }
        Ok(old)
    }
}

impl CredentialsProvider for Cached {
    fn credentials(&self) -> Result<Credentials> {
        let before = self.state().asked;
        match self.have() {
            Have::Fresh(credentials) => return Ok(credentials),
            Have::Ageing(old) => {
                // Another thread is already refreshing: use the old credentials.
                let Some(_asking) = self.asking.try_lock().unpoisoned() else { return Ok(old) };
                return match self.have() {
                    Have::Fresh(credentials) => Ok(credentials),
                    _ => self.ask().or_else(|error| self.keep_using(old, error)),
                };
            }
            Have::Nothing => {}
        }
        let _asking = self.asking.lock().unpoisoned();
        match self.have() {
            Have::Fresh(credentials) | Have::Ageing(credentials) => return Ok(credentials),
            Have::Nothing => {}
        }
        // Threads that waited for a failed query share its failure: retrying would make each one wait as long again.
        let state = self.state();
        if let Some(error) = state.failed.clone().filter(|_| state.asked != before) {
            return Err(error);
        }
        drop(state);
        self.ask()
    }

    fn invalidate(&self, used: &Credentials) {
        let mut state = self.state();
        let same = |kept: &Kept| {
            kept.credentials.access_key_id == used.access_key_id
                && kept.credentials.secret_access_key == used.secret_access_key
                && kept.credentials.session_token == used.session_token
        };
        if state.kept.as_ref().is_some_and(same) {
            state.kept = None;
        }
    }

    fn origin(&self) -> String {
        self.source.origin()
    }
}

fn refresh_at(now: SystemTime, expires: SystemTime) -> SystemTime {
    expires - REFRESH_BEFORE.min(left(now, expires) / REFRESH_PART)
}

fn left(now: SystemTime, expires: SystemTime) -> Duration {
    expires.duration_since(now).unwrap_or_default()
}

#[cfg(test)]
mod tests;
