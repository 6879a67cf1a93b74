//! Keeps temporary credentials and refreshes them before they expire, by one thread for all.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use crate::base::{Clock, Error, ErrorKind, Result, Unpoisoned as _};
use crate::sigv4::Credentials;

/// What is left of a lifetime when it is time for a refresh, at most: a quarter.
pub(super) const REFRESH_PART: u32 = 4;
/// How long to wait before retrying a failed source while its previous credentials are still valid.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Temporary credentials that are refreshed before they expire. Their source is queried by one thread at a time; the
/// others use the previous credentials while these are valid, and otherwise wait for its result.
pub(crate) struct Refreshed {
    clock: Arc<dyn Clock>,
    /// What is refreshed, for messages.
    what: &'static str,
    timing: Timing,
    state: Mutex<State>,
    /// Held by the thread that is querying the source.
    pub(super) asking: Mutex<()>,
}

/// When credentials are refreshed, each given how long they are valid.
#[derive(Clone, Copy)]
pub(crate) struct Timing {
    /// How long before their expiry they are refreshed.
    pub(crate) early: fn(Duration) -> Duration,
    /// How long before their expiry they are no longer used.
    pub(crate) margin: fn(Duration) -> Duration,
}

/// Queries the source. It must return an error instead of credentials that have already expired.
pub(crate) type Ask<'a> = &'a dyn Fn() -> Result<Credentials>;

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
    /// Until when to use them.
    until: Option<SystemTime>,
}

/// What the cache currently holds.
enum Have {
    Fresh(Credentials),
    /// Still valid, but due for a refresh.
    Ageing(Credentials),
    Nothing,
}

impl Refreshed {
    /// Returns an empty cache. `what` is its content, for messages.
    pub(crate) fn new(clock: Arc<dyn Clock>, what: &'static str, timing: Timing) -> Self {
        Self { clock, what, timing, state: Mutex::default(), asking: Mutex::default() }
    }

    /// Returns valid credentials, new ones if necessary.
    ///
    /// # Errors
    /// If the source fails and there are no valid credentials left.
    pub(crate) fn get(&self, ask: Ask<'_>) -> Result<Credentials> {
        let before = self.state().asked;
        match self.have() {
            Have::Fresh(credentials) => return Ok(credentials),
            Have::Ageing(old) => {
                // Another thread is already refreshing: use the old credentials.
                let Some(_asking) = self.asking.try_lock().unpoisoned() else { return Ok(old) };
                return match self.have() {
                    Have::Fresh(credentials) => Ok(credentials),
                    _ => self.ask(ask).or_else(|error| self.keep_using(old, error)),
                };
            }
            Have::Nothing => {}
        }
        let _asking = self.asking.lock().unpoisoned();
        match self.have() {
            Have::Fresh(credentials) | Have::Ageing(credentials) => return Ok(credentials),
            Have::Nothing => {}
        }
        // Threads that waited for a failed query share its failure: retrying would make each one wait as long again. If
        // it was cancelled, some of them may still have to clean up.
        let state = self.state();
        let failed = state.failed.clone().filter(|error| error.kind() != ErrorKind::Cancelled);
        if let Some(error) = failed.filter(|_| state.asked != before) {
            return Err(error);
        }
        drop(state);
        self.ask(ask)
    }

    /// Drops these credentials, unless there are newer ones already.
    pub(crate) fn forget(&self, used: &Credentials) {
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unpoisoned()
    }

    fn have(&self) -> Have {
        let now = self.clock.now();
        match &self.state().kept {
            Some(Kept { credentials, refresh, .. }) if refresh.is_none_or(|refresh| now < refresh) => {
                Have::Fresh(credentials.clone())
            }
            Some(Kept { credentials, until, .. }) if until.is_none_or(|until| now < until) => {
                Have::Ageing(credentials.clone())
            }
            _ => Have::Nothing,
        }
    }

    /// Queries the source. The caller must hold `asking`.
    fn ask(&self, ask: Ask<'_>) -> Result<Credentials> {
        let result = ask();
        let mut state = self.state();
        state.asked += 1;
        match result {
            Ok(credentials) => {
                let now = self.clock.now();
                let before = |time: fn(Duration) -> Duration| {
                    credentials.expires.map(|expires| expires - time(left(now, expires)))
                };
                let (refresh, until) = (before(self.timing.early), before(self.timing.margin));
                let kept = Some(Kept { credentials: credentials.clone(), refresh, until });
                *state = State { kept, asked: state.asked, ..State::default() };
                Ok(credentials)
            }
            Err(error) => {
                state.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Handles a failed early refresh by reusing the old credentials, which are still valid, for a while.
    fn keep_using(&self, old: Credentials, error: Error) -> Result<Credentials> {
        if error.kind() == ErrorKind::Cancelled {
            return Err(error);
        }
        let now = self.clock.now();
        let mut state = self.state();
        if !std::mem::replace(&mut state.warned, true) {
            log::warn!("{}; continuing with the previous {} while they are valid", error.chain(), self.what);
        }
        if let Some(kept) = &mut state.kept {
            let pause = kept.until.map_or(RETRY_AFTER, |until| left(now, until) / REFRESH_PART).min(RETRY_AFTER);
            kept.refresh = Some(now + pause);
        }
        Ok(old)
    }
}

fn left(now: SystemTime, expires: SystemTime) -> Duration {
    expires.duration_since(now).unwrap_or_default()
}
