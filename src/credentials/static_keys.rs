//! Keys that are given as they are and never change.

use std::fmt;

use crate::base::{Problem, Result, Secret};
use crate::credentials::{Credentials, CredentialsProvider};

/// Credentials that are given as they are: attributes, environment variables, keys in an AWS file, or an embedder's.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    credentials: Credentials,
    origin: String,
}

impl StaticCredentials {
    /// Takes the keys, without white space around them: a line break at the end is never part of a key, and would
    /// end up in the signature.
    pub fn new(access_key_id: &str, secret_access_key: &Secret, session_token: Option<&Secret>) -> Self {
        let session_token = session_token.map(trimmed).filter(|token| !token.expose().is_empty());
        Self {
            credentials: Credentials {
                access_key_id: access_key_id.trim().to_owned(),
                secret_access_key: trimmed(secret_access_key),
                session_token,
                expires: None,
            },
            origin: "the program that uses this library".to_owned(),
        }
    }

    /// The same, with what people call the place they come from.
    #[must_use]
    pub fn with_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = origin.into();
        self
    }

    pub(super) fn into_credentials(self) -> Credentials {
        self.credentials
    }

    /// Refuses what cannot be put into a header, before a client does it and perhaps shows it.
    pub(super) fn check(self) -> std::result::Result<Self, Problem> {
        let Credentials { access_key_id, secret_access_key, session_token, .. } = &self.credentials;
        let unprintable = |text: &str| !text.bytes().all(|byte| byte.is_ascii_graphic());
        let what = if access_key_id.is_empty() || unprintable(access_key_id) {
            "access key id"
        } else if secret_access_key.expose().is_empty() || secret_access_key.expose().contains(char::is_control) {
            "secret access key"
        } else if session_token.as_ref().is_some_and(|token| unprintable(token.expose())) {
            "session token"
        } else {
            return Ok(self);
        };
        let message = format!("the {what} from {} is empty or has a character in it that no key has", self.origin);
        Err(Problem::new(message).hint("look for a line break, a space or a quote inside it, and copy it again"))
    }
}

fn trimmed(secret: &Secret) -> Secret {
    Secret::new(secret.expose().trim())
}

impl CredentialsProvider for StaticCredentials {
    fn credentials(&self) -> Result<Credentials> {
        Ok(self.credentials.clone())
    }

    fn origin(&self) -> String {
        self.origin.clone()
    }
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials").field("origin", &self.origin).finish_non_exhaustive()
    }
}
