//! Fixed credentials that are given directly and never change.

use crate::aws::{KeyMistake, KeyPair};
use crate::base::{Error, Problem, Result, Secret};
use crate::credentials::provider::CredentialsProvider;
use crate::sigv4::Credentials;

/// Fixed credentials from attributes, environment variables, keys in an AWS file, or an embedding program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticCredentials {
    keys: KeyPair,
}

impl StaticCredentials {
    /// Creates credentials from these keys and trims white space around them: a trailing line break is never part of a
    /// key and would end up in the signature.
    pub fn new(access_key_id: &str, secret_access_key: &Secret, session_token: Option<&Secret>) -> Self {
        Self { keys: KeyPair::new(access_key_id, secret_access_key, session_token) }
    }

    /// Sets a human-readable description of where the keys come from.
    #[must_use]
    pub fn with_origin(self, origin: impl Into<String>) -> Self {
        Self { keys: self.keys.with_origin(origin) }
    }

    /// Returns these keys as credentials.
    ///
    /// # Errors
    /// If they cannot be sent.
    pub(super) fn checked(keys: KeyPair) -> std::result::Result<Self, Box<Problem>> {
        keys.check().map(|keys| Self { keys }).map_err(Box::new)
    }
}

impl CredentialsProvider for StaticCredentials {
    /// # Errors
    /// [`Error::Access`] if the ID and the secret are swapped: the secret must not be sent as an ID.
    fn credentials(&self) -> Result<Credentials> {
        match KeyMistake::find(self.keys.credentials()) {
            Some(mistake @ KeyMistake::Swapped) => {
                let message = format!("the keys from {} cannot be used", self.keys.origin());
                Err(Error::access(message).with_hint(mistake.hint(self.keys.origin())))
            }
            _ => Ok(self.keys.credentials().clone()),
        }
    }

    fn origin(&self) -> String {
        self.keys.origin().to_owned()
    }
}
