//! Which keys sign a call: those of a session with a directory bucket, or the configured ones.

use std::time::Duration;

use crate::base::{ErrorKind, Result};
use crate::go::Timestamp;
use crate::http::Method;
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::s3::endpoint::Endpoint;
use crate::s3::sessions::{Keys, SessionMode};
use crate::sigv4::Credentials;

/// A session with a directory bucket.
pub(crate) struct SessionState {
    pub(crate) mode: SessionMode,
    /// When it expires, by our clock, in whole seconds.
    pub(crate) expires: Timestamp,
    /// How long it is still valid.
    pub(crate) left: Duration,
}

impl S3Client {
    /// Returns the keys that sign a call, of a new session if there is no valid one.
    ///
    /// # Errors
    /// If the credentials or the session cannot be obtained.
    pub(super) fn keys(&self, call: &Call<'_>, endpoint: &Endpoint) -> Result<Keys> {
        match &self.parts.credentials {
            None => Ok(Keys { credentials: None, session: None }),
            Some(_) if endpoint.sessions && !call.base_keys => {
                let mode = self.sessions.mode(call.method);
                let credentials = Some(self.session(mode, call)?);
                Ok(Keys { credentials, session: Some(mode) })
            }
            Some(provider) => Ok(Keys { credentials: Some(provider.credentials()?), session: None }),
        }
    }

    /// Returns the keys of a session for this call.
    fn session(&self, mode: SessionMode, call: &Call<'_>) -> Result<Credentials> {
        let session = self.sessions.of(mode).get(&|| self.create_session(mode, call));
        if session.as_ref().is_err_and(|error| error.kind() == ErrorKind::Access) {
            // Later reads may still be permitted.
            self.sessions.expect_writes(false);
        }
        session
    }

    /// Returns the mode and expiry of the session that signs requests to a directory bucket, or `None` if they are
    /// signed without one. Creates the session if necessary.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(crate) fn session_state(&self) -> Result<Option<SessionState>> {
        let keys = self.keys(&Call::new("HeadBucket", Method::Head, None), &self.endpoint())?;
        let expires = keys.credentials.and_then(|keys| keys.expires);
        let (Some(mode), Some(expires)) = (keys.session, expires) else { return Ok(None) };
        let left = expires.duration_since(self.parts.clock.now()).unwrap_or_default();
        Ok(Some(SessionState { mode, expires: Timestamp::from(expires).to_whole_seconds(), left }))
    }
}
