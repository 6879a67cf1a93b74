//! Keys that are given as they are and never change.

use std::fmt;

use crate::base::{Error, Problem, Result, Secret};
use crate::credentials::{Credentials, CredentialsProvider, KeyMistake};

const QUOTES: [char; 2] = ['"', '\''];
/// The fix for a value that [`is_quoted`].
pub(super) const UNQUOTE: &str =
    "write the value without quotes: docker run --env-file, and others that are no shell, keep them";

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
        let id = access_key_id.as_str();
        let (secret, token) = (secret_access_key.expose(), session_token.as_ref().map_or("", |token| token.expose()));
        // No id has a quote in it; in the others one alone proves nothing.
        let quoted = [
            ("access key id", is_quoted(id) || id.starts_with(QUOTES) || id.ends_with(QUOTES)),
            ("secret access key", is_quoted(secret)),
            ("session token", is_quoted(token)),
        ];
        if let Some((what, _)) = quoted.iter().find(|(_, quoted)| *quoted) {
            let message = format!("the {what} from {} is in quotes, which count as part of it", self.origin);
            return Err(Problem::new(message).hint(UNQUOTE));
        }
        let unprintable = |text: &str| !text.bytes().all(|byte| byte.is_ascii_graphic());
        // The latter stands for bytes of a file that are not UTF-8.
        let no_key_has = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
        let what = if id.is_empty() || unprintable(id) {
            "access key id"
        } else if secret.is_empty() || secret.contains(no_key_has) {
            "secret access key"
        } else if unprintable(token) {
            "session token"
        } else {
            return Ok(self);
        };
        let message = format!("the {what} from {} is empty or has a character in it that no key has", self.origin);
        Err(Problem::new(message).hint("look for a line break, a space or a quote inside it, and copy it again"))
    }
}

/// Whether a value has quotes around it, which whoever set it meant for a shell.
pub(super) fn is_quoted(text: &str) -> bool {
    QUOTES.iter().any(|quote| text.len() > 1 && text.starts_with(*quote) && text.ends_with(*quote))
        || text.starts_with('\u{201c}')
        || text.starts_with('\u{2018}')
}

fn trimmed(secret: &Secret) -> Secret {
    Secret::new(secret.expose().trim())
}

impl CredentialsProvider for StaticCredentials {
    /// # Errors
    /// [`Error::Access`] if id and secret are swapped: the secret must not be sent as an id.
    fn credentials(&self) -> Result<Credentials> {
        match KeyMistake::find(&self.credentials) {
            Some(mistake @ KeyMistake::Swapped) => {
                let message = format!("the keys from {} cannot be used", self.origin);
                Err(Error::Access(Problem::new(message).hint(mistake.hint(&self.origin))))
            }
            _ => Ok(self.credentials.clone()),
        }
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
