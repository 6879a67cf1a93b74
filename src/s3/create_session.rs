//! `CreateSession`, which returns the keys for all other calls on a directory bucket but copies.

use std::time::Duration;

use crate::base::{Element, Error, Result, Secret};
use crate::go::Timestamp;
use crate::http::{Method, Response};
use crate::s3::answer::{Answer, Cause, is_error};
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::s3::copy_object::MAX_REPLY_BYTES;
use crate::s3::sessions::{CREATE_SESSION, ENCRYPTION, SessionMode};
use crate::sigv4::Credentials;

/// The fix for stores that imitate S3 without its sessions.
const NO_SESSIONS: &str = "set AWS_S3_DISABLE_EXPRESS_SESSION_AUTH=true to sign requests without a session";

impl S3Client {
    /// Returns the keys of a new session, for which `caller` waits. Their expiry is by our clock.
    ///
    /// # Errors
    /// If the server refuses, or the session has expired already.
    pub(super) fn create_session(&self, mode: SessionMode, caller: &Call<'_>) -> Result<Credentials> {
        let mut call = Call::new(CREATE_SESSION, Method::Get, None);
        call.query = &[("session", "")];
        call.base_keys = true;
        call.on_stop = caller.on_stop;
        call.answer_timeout = call.answer_timeout.min(caller.answer_timeout);
        call.headers.push(("x-amz-create-session-mode".to_owned(), mode.name().to_owned()));
        if mode == SessionMode::ReadWrite {
            let encryption = self.parts.write_headers.iter().filter(|(name, _)| name.starts_with(ENCRYPTION));
            call.headers.extend(encryption.cloned());
        }
        let session = self.execute(&call, |response| self.created(response));
        let (keys, lifetime) = session.map_err(|failed| self.explain(&call, failed))?;
        log::info!("a {} session with {} began; it lasts {} s", mode.name(), self.bucket(), lifetime.as_secs());
        Ok(Credentials { expires: Some(self.parts.clock.now() + lifetime), ..keys })
    }

    /// Reads the keys of the session, and how long it lasts.
    fn created(&self, mut response: Response) -> std::result::Result<(Credentials, Duration), Cause> {
        let body = response.read(MAX_REPLY_BYTES).map_err(Cause::NoAnswer)?;
        let Ok(reply) = Element::parse(&body) else { return Err(Answer::no_document(&response, &body)) };
        if is_error(&reply) {
            return Err(Answer::failed(&response, &body));
        }
        let session = reply.child("Credentials").filter(|_| reply.name == "CreateSessionResult");
        let Some((keys, expires)) = session.and_then(session_keys) else {
            let message = format!("the store does not create sessions with {}", self.bucket());
            return Err(Cause::Own(Error::unsupported(message).with_hint(NO_SESSIONS)));
        };
        // By the server's clock, which may differ from ours.
        let lifetime = expires.to_system_time().and_then(|time| time.duration_since(self.server_time(&response)).ok());
        match lifetime.filter(|lifetime| !lifetime.is_zero()) {
            Some(lifetime) => Ok((keys, lifetime)),
            None => Err(Cause::Own(
                Error::access(format!("the new session with {} has already expired, at {expires}", self.bucket()))
                    .with_hint("check the clock of the server, and of this machine"),
            )),
        }
    }
}

fn session_keys(session: &Element) -> Option<(Credentials, Timestamp)> {
    let text = |name: &str| session.child_text(name).filter(|text| !text.is_empty());
    let keys = Credentials {
        access_key_id: text("AccessKeyId")?.to_owned(),
        secret_access_key: Secret::from(text("SecretAccessKey")?),
        session_token: Some(Secret::from(text("SessionToken")?)),
        expires: None,
    };
    Some((keys, text("Expiration")?.parse().ok()?))
}
