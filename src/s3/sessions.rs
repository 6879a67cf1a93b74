//! The sessions of a client with its directory bucket.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::base::Clock;
use crate::credentials::{Refreshed, Timing};
use crate::http::Method;
use crate::s3::answer::Answer;
use crate::s3::endpoint::Endpoint;
use crate::s3::learnt::Fact;
use crate::sigv4::{Credentials, SignatureScope, Token};

pub(super) const CREATE_SESSION: &str = "CreateSession";
/// The beginning of the headers that a session sets for all of its writes.
pub(super) const ENCRYPTION: &str = "x-amz-server-side-encryption";
/// Refusals that name the keys of the session.
const REFUSED: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestExpired",
    "TokenRefreshRequired",
];

/// How long before it expires a session is replaced. It lasts five minutes.
const REFRESH_BEFORE: Duration = Duration::from_secs(62);
/// A session that lasts less than this is replaced in the last quarter of its lifetime.
const LONG: Duration = Duration::from_secs(70);
/// A session is not used for its last seconds, because a request takes time to arrive.
const MARGIN: Duration = Duration::from_secs(10);
const TIMING: Timing = Timing {
    early: |valid| if valid < LONG { valid / 4 } else { REFRESH_BEFORE },
    margin: |valid| MARGIN.min(valid / 8),
};

/// What a session permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionMode {
    ReadOnly,
    ReadWrite,
}

impl SessionMode {
    /// Its name in the request.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "ReadOnly",
            Self::ReadWrite => "ReadWrite",
        }
    }
}

/// At most one session for each mode. Sessions that were created with base keys which have changed since stay valid.
pub(super) struct Sessions {
    read_only: Refreshed,
    read_write: Refreshed,
    /// Whether the caller writes. If so, the session for writes also signs its reads, so that one session is enough.
    writes: Fact,
}

/// The keys that sign a request.
pub(super) struct Keys {
    pub(super) credentials: Option<Credentials>,
    /// The mode of the session that they belong to.
    pub(super) session: Option<SessionMode>,
}

impl Sessions {
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Self {
        let refreshed = || Refreshed::new(clock.clone(), "session", TIMING);
        Self { read_only: refreshed(), read_write: refreshed(), writes: Fact::default() }
    }

    /// Records whether the caller is going to write.
    pub(super) fn expect_writes(&self, writes: bool) {
        self.writes.set(writes);
    }

    pub(super) fn of(&self, mode: SessionMode) -> &Refreshed {
        match mode {
            SessionMode::ReadOnly => &self.read_only,
            SessionMode::ReadWrite => &self.read_write,
        }
    }

    /// Returns the mode of the session that signs a call.
    pub(super) fn mode(&self, method: Method) -> SessionMode {
        if !matches!(method, Method::Get | Method::Head) {
            self.writes.set(true);
        }
        if self.writes.get() { SessionMode::ReadWrite } else { SessionMode::ReadOnly }
    }
}

impl Keys {
    /// Returns the scope of a signature with these keys.
    pub(super) fn scope<'a>(&self, endpoint: &'a Endpoint, time: SystemTime) -> SignatureScope<'a> {
        let token = if self.session.is_some() { Token::S3Session } else { Token::Security };
        SignatureScope { region: &endpoint.region, service: endpoint.service, time, token }
    }
}

/// Returns whether a refusal of a call that was signed with the keys of a session means that they are not valid.
pub(super) fn is_refused(answer: &Answer) -> bool {
    answer.has_code(REFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_replaced_before_a_minute_is_left() {
        for (seconds, refreshed_at, used_until) in [(300, 238, 290), (70, 8, 61), (40, 30, 35), (4, 3, 3)] {
            let valid = Duration::from_secs(seconds);
            let at = |early: fn(Duration) -> Duration| (valid - early(valid)).as_secs();
            assert_eq!((at(TIMING.early), at(TIMING.margin)), (refreshed_at, used_until), "{seconds}");
        }
    }

    #[test]
    fn reads_use_the_session_of_writes_once_there_are_any() {
        let clock: Arc<dyn Clock> = Arc::new(crate::base::SystemClock::default());
        let sessions = Sessions::new(&clock);
        assert_eq!(sessions.mode(Method::Get), SessionMode::ReadOnly);
        assert_eq!(sessions.mode(Method::Put), SessionMode::ReadWrite);
        assert_eq!(sessions.mode(Method::Head), SessionMode::ReadWrite);
        sessions.expect_writes(false);
        assert_eq!(sessions.mode(Method::Get), SessionMode::ReadOnly);
        sessions.expect_writes(true);
        assert_eq!(sessions.mode(Method::Get), SessionMode::ReadWrite);
    }
}
